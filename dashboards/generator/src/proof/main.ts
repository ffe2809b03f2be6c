/** `make dashboards-check`: real processes under load and faults, a real Prometheus, every query, and pictures of it all. */

import { mkdir, writeFile } from 'node:fs/promises';

import { drill } from './drill.js';
import { families, familyOf, UNTOUCHED, UNUSED } from './exported.js';
import { type Drawn, preview, startBrowser } from './preview.js';
import { sleep, startStage } from './processes.js';
import { namesIn, Prometheus, type Series, type Span, unconditional } from './prometheus.js';
import { dashboards, rules } from './sources.js';

const PICTURES = '../../docs/images';
/** Alerts that the drill gives reason to. */
const PROVOKED = [
  'LandfallMediaErrorsFast',
  'LandfallDown',
  'LandfallWorkersGone',
  'LandfallSourceUnauthorized',
  'LandfallDeadLetters',
  'LandfallMissedSignals',
];

const faults: string[] = [];
const seconds = () => Date.now() / 1000;

/** What an expression answers; a fault when it fails, or answers nothing, or no number. */
async function answered(prometheus: Prometheus, at: string, expr: string, span: Span): Promise<Series[]> {
  try {
    const series = await prometheus.range(expr, span);
    if (series.length === 0) faults.push(`${at}: nothing: ${expr}`);
    else if (series.every(({ points }) => points.length === 0)) faults.push(`${at}: no number: ${expr}`);
    return series.filter(({ points }) => points.length > 0);
  } catch (error) {
    faults.push(`${at}: ${error}: ${expr}`);
    return [];
  }
}

const legend = (format: string, labels: Record<string, string>) => format.replace(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? '');

const began = seconds();
console.log('Starting Redis, the simulator, a server, two workers and Prometheus');
const stage = await startStage();
try {
  const from = seconds();
  console.log('Load and faults, for a minute and a half');
  await drill(stage);
  await sleep(3000);
  const span = { from, to: seconds() };
  const prometheus = new Prometheus(stage.prometheus);

  const all = await dashboards();
  const alerts = await rules();
  const pictures: [(typeof all)[number], Drawn[]][] = [];
  const used: string[] = [];
  let queries = 0;
  for (const dashboard of all) {
    const drawn: Drawn[] = [];
    for (const panel of dashboard.panels) {
      const series: Drawn['series'] = [];
      for (const query of panel.targets) {
        queries += 1;
        used.push(...namesIn(query.expr));
        // A number is that of the end.
        const over = query.instant ? { from: span.to - 5, to: span.to } : span;
        const expr = query.instant ? query.expr.replaceAll('$__range', `${Math.ceil(span.to - span.from)}s`) : query.expr;
        for (const { labels, points } of await answered(prometheus, `${dashboard.name}, "${panel.title}"`, expr, over)) {
          const le = labels['le'];
          series.push({ legend: legend(query.legendFormat, labels), heat: query.format === 'heatmap', points, ...(le && { le: le === '+Inf' ? Infinity : Number(le) }) });
        }
      }
      drawn.push({ panel, series });
    }
    pictures.push([dashboard, drawn]);
  }
  for (const rule of alerts) {
    queries += 1;
    const name = rule.alert ?? rule.record ?? '';
    used.push(...namesIn(rule.expr));
    await answered(prometheus, name, unconditional(rule.expr), span);
    if (PROVOKED.includes(name)) await answered(prometheus, `${name} was given reason to`, rule.expr, span);
  }

  const names = await prometheus.names();
  for (const name of new Set(used)) if (!names.has(name)) faults.push(`${name} is used, and does not exist`);
  const exported = await families([stage.server.base, ...stage.workers.map((worker) => worker.base)]);
  const usedFamilies = new Set(used.map(familyOf));
  for (const family of exported) {
    if (!usedFamilies.has(family) && !(family in UNUSED)) faults.push(`${family} is exported, and nothing uses it`);
    const series = await prometheus.range(`max({__name__=~"${family}(_count)?",job="landfall"})`, span);
    const touched = series.some(({ points }) => points.some(([, value]) => value !== 0));
    if (!touched && !(family in UNTOUCHED)) faults.push(`${family} was never anything but 0`);
  }
  for (const name of [...Object.keys(UNUSED), ...Object.keys(UNTOUCHED)]) if (!exported.has(name)) faults.push(`${name} is excused, and not exported`);

  await mkdir(PICTURES, { recursive: true });
  const browser = await startBrowser();
  for (const [dashboard, drawn] of pictures) {
    await writeFile(`${PICTURES}/dashboard-${dashboard.name}.png`, await preview(browser, dashboard, drawn, span));
  }
  await browser.close();
  console.log(`${queries} queries of ${all.length} dashboards and ${alerts.length} rules, ${exported.size} metrics, in ${Math.round(seconds() - began)} s`);
} finally {
  await stage.stop();
}
for (const fault of faults) console.error(`✗ ${fault}`);
if (faults.length > 0) process.exitCode = 1;
