/** Draws a dashboard with what its queries answered: uPlot in Grafana's grid of 24 columns. A preview, not Grafana. */

import { readFile } from 'node:fs/promises';

import { type Browser, chromium } from 'playwright-core';

import { draw } from './draw.js';
import type { Series, Span } from './prometheus.js';
import type { Dashboard, Panel } from './sources.js';

/** A panel with the series of each of its queries. */
export interface Drawn {
  panel: Panel;
  series: { legend: string; heat: boolean; points: Series['points']; le?: number }[];
}

const WIDTH = 1280;
const STYLE = `
  * { box-sizing: border-box; margin: 0 }
  body { width: ${WIDTH}px; padding: 10px; background: #f4f5f5; color: #24292e; font: 12px sans-serif }
  header { display: flex; justify-content: space-between; padding: 2px 4px 10px; font-size: 17px }
  header b { background: #ffe8a3; padding: 2px 8px; font-size: 13px; font-weight: normal }
  main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 26px; gap: 6px }
  section { background: #fff; border: 1px solid #ddd; padding: 5px 7px; overflow: hidden; position: relative }
  h2 { font-size: 12px; font-weight: 600; margin-bottom: 2px; white-space: nowrap }
  .number { position: absolute; inset: 24px 0 0; display: flex; align-items: center; justify-content: space-evenly; font-size: 28px; color: #fff }
  .legend { position: absolute; bottom: 4px; left: 8px; right: 8px; height: 14px; overflow: hidden; font-size: 10px; white-space: nowrap }
  .legend i { display: inline-block; width: 9px; height: 3px; margin: 0 3px 3px 8px }`;

/** A browser that draws; Debian's Chromium, unless CHROMIUM_BIN names another. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env['CHROMIUM_BIN'] ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

/** The picture. */
export async function preview(browser: Browser, dashboard: Dashboard, drawn: Drawn[], span: Span): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 800 } });
  await page.setContent(`<!doctype html><style>${STYLE}</style><header>${dashboard.title}<b>preview, not Grafana</b></header><main></main>`);
  await page.addStyleTag({ content: await readFile('node_modules/uplot/dist/uPlot.min.css', 'utf8') });
  await page.addScriptTag({ content: await readFile('node_modules/uplot/dist/uPlot.iife.min.js', 'utf8') });
  const fault = await page.evaluate(draw, { drawn, span });
  if (fault) throw new Error(`${dashboard.name}: ${fault}`);
  const picture = await page.screenshot({ fullPage: true });
  await page.close();
  return picture;
}
