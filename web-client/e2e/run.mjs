/**
 * Runs every scenario in every browser, and prints a table of both. Arguments choose browsers (`chromium`, `firefox`)
 * and scenarios (parts of their names).
 */

import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { startChromium } from './drivers/chromium.mjs';
import { startFirefox } from './drivers/firefox.mjs';
import { startProvider } from './servers.mjs';

const BROWSERS = { chromium: startChromium, firefox: startFirefox };
/** No scenario may take longer, whatever happens in it. */
const LONGEST_MS = 90_000;

/** Of what a browser writes to its console: our own faults, not the lines that a scenario cuts. */
const BROKEN = /content.security.policy|refused to|uncaught|typeerror|referenceerror/i;

const wanted = process.argv.slice(2);
const browsers = Object.keys(BROWSERS).filter((name) => !wanted.some((w) => w in BROWSERS) || wanted.includes(name));
const names = wanted.filter((w) => !(w in BROWSERS));

const files = (await readdir(new URL('scenarios/', import.meta.url))).sort();
const scenarios = [];
for (const file of files) scenarios.push(...(await import(`./scenarios/${file}`)).default);
const chosen = scenarios.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));

const results = new Map(chosen.map(({ name }) => [name, {}]));
const provider = await startProvider();
let failed = false;

const running = new Map();

async function runOne(scenario, name) {
  if (scenario.only && scenario.only !== name) return;
  if (!running.has(name)) running.set(name, await BROWSERS[name]());
  const browser = running.get(name);
  const began = Date.now();
  const cleanUp = [];
  let timer;
  const tooLong = new Error(`not over after ${LONGEST_MS / 1000} s`);
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(tooLong), LONGEST_MS)));
  const took = () => `${name}: ${scenario.name} (${Date.now() - began} ms)`;
  try {
    const context = { browser, provider, onEnd: (end) => cleanUp.push(async () => end()) };
    const figures = (await Promise.race([scenario.run(context), late])) ?? '';
    const wrong = browser.log.complaints.splice(0).filter((text) => BROKEN.test(text));
    if (wrong.length > 0) throw new Error(`the browser complained: ${wrong.join('\n')}`);
    results.get(scenario.name)[name] = `✓ ${figures}`;
    console.log(`✓ ${took()} ${figures}`);
  } catch (error) {
    failed = true;
    results.get(scenario.name)[name] = '✗';
    console.error(`✗ ${took()}\n${error.stack ?? error}`);
    const picture = `${tmpdir()}/landfall-e2e-${name}-${scenario.name.replace(/\W+/g, '-')}.png`;
    await browser.screenshot(picture).then(
      () => console.error(`  how it looked: ${picture}`),
      () => {},
    );
    // What goes on in it would disturb the next.
    if (error === tooLong) {
      running.delete(name);
      await browser.stop();
    }
  } finally {
    clearTimeout(timer);
    for (const end of cleanUp.reverse()) await end().catch(() => {});
  }
}

// Side by side, but for what measures time: that has the machine for itself.
await Promise.all(
  browsers.map(async (name) => {
    for (const scenario of chosen) if (!scenario.alone) await runOne(scenario, name);
  }),
);
for (const scenario of chosen) {
  if (scenario.alone) for (const name of browsers) await runOne(scenario, name);
}
for (const browser of running.values()) await browser.stop();
await provider.stop();

console.log(`\n| Scenario | ${browsers.join(' | ')} |\n|---|${'---|'.repeat(browsers.length)}`);
for (const [name, by] of results) console.log(`| ${name} | ${browsers.map((of) => by[of] ?? '–').join(' | ')} |`);
// At once: Node 20 may else wait for ever for handles that were closed.
process.exit(failed ? 1 : 0);
