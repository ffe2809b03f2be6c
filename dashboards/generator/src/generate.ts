/** Writes the dashboards as Grafana reads them; with `--check`, says whether those that lie there are the same. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from './dashboard.js';
import { pages } from './dashboards/index.js';

/** The script runs in dashboards/generator. */
const FOLDER = '..';

const drifted: string[] = [];
for (const page of pages) {
  const file = join(FOLDER, `${page.name}.json`);
  const text = `${JSON.stringify(build(page), null, 2)}\n`;
  if (!process.argv.includes('--check')) {
    await writeFile(file, text);
  } else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    drifted.push(`dashboards/${page.name}.json`);
  }
}
if (drifted.length > 0) {
  console.error(`${drifted.join(', ')}: not what dashboards/generator makes; run \`make dashboards\``);
  process.exitCode = 1;
}
