/** What holds for every panel and every alert, told from the files alone. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse } from 'yaml';

import { dashboards, FOLDER, rules } from './proof/sources.js';

const faults: string[] = [];
const must = (holds: boolean, what: string) => void (holds || faults.push(what));

/** Of a counter only its increase says anything. */
const bare = (expr: string) =>
  [...expr.matchAll(/\b((?:landfall|process)_\w+?(?:_total|_bucket|_count|_sum))\{/g)].some(({ index }) => !/\b(rate|increase)\($/.test(expr.slice(0, index)));

for (const dashboard of await dashboards()) {
  must(dashboard.panels.length <= 16, `${dashboard.name}: more than 16 panels`);
  for (const panel of dashboard.panels) {
    const at = `${dashboard.name}, "${panel.title}"`;
    const { unit, thresholds } = panel.fieldConfig.defaults;
    must(Boolean(unit), `${at}: no unit`);
    must((panel.description ?? '').length > 20, `${at}: no description`);
    must((thresholds?.steps.length ?? 0) > 0, `${at}: no thresholds`);
    must(panel.targets.length > 0, `${at}: no query`);
    for (const { expr } of panel.targets) {
      for (const [, matchers] of expr.matchAll(/\{([^}]*)\}/g)) {
        must(/job=~"\$job"/.test(matchers ?? ''), `${at}: {${matchers}} does not select the job`);
      }
      const unrecorded = expr.replace(/landfall:[a-z0-9_:]+\{[^}]*\}|ALERTS\{[^}]*\}/g, '');
      for (const [, matchers] of unrecorded.matchAll(/\{([^}]*)\}/g)) {
        must(/instance=~"\$instance"/.test(matchers ?? ''), `${at}: {${matchers}} does not select the instance`);
      }
      must(!bare(expr), `${at}: a counter without rate: ${expr}`);
      must(!/\b(rate|increase)\([^[]*\[(?!\$__)/.test(expr), `${at}: a fixed window: ${expr}`);
      must(!expr.includes('DS_PROMETHEUS'), `${at}: DS_PROMETHEUS`);
    }
  }
}

const runbook = await readFile('../../docs/runbook.md', 'utf8');
const tests = ['alerts.test.yml', 'alerts-slow.test.yml'].map(async (name) => parse(await readFile(join(FOLDER, name), 'utf8')) as { tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] });
const cases = (await Promise.all(tests)).flatMap((file) => file.tests).flatMap((test) => test.alert_rule_test);
for (const { alert, annotations } of await rules()) {
  if (!alert) continue;
  must(annotations?.['runbook_url'] === `docs/runbook.md#${alert.toLowerCase()}`, `${alert}: runbook_url`);
  must(runbook.includes(`\n### ${alert}\n`), `docs/runbook.md has no section ### ${alert}`);
  const its = cases.filter((test) => test.alertname === alert);
  must(its.some((test) => test.exp_alerts.length > 0), `${alert}: no case in which it fires`);
  must(its.some((test) => test.exp_alerts.length === 0), `${alert}: no case in which it stays silent`);
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
