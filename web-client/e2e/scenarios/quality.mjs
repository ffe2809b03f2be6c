/** What is measured rather than looked at: accessibility, steadiness, memory, smoothness. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { scene } from '../scene.mjs';
import { pause, PLAY } from '../visit.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const MOUNTS = 500;
const TRACE_MS = 30_000;
const LONG_TASK_MS = 50;

/** What axe finds on the page as it is now, each with where it was found. */
async function findings(browser, where) {
  // The page's policy forbids scripts from elsewhere; the driver's own are not the page's.
  await browser.run(`${axe}; undefined`);
  const violations = await browser.run(async () => {
    const passing = document.getAnimations().filter((animation) => animation.effect.getTiming().iterations === 1);
    await Promise.all(passing.map(({ finished }) => finished.catch(() => {})));
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, any }) => `${target} ${any[0]?.message ?? ''}`).join(' | ')}`);
  });
  return violations.map((violation) => `${where}: ${violation}`);
}

async function accessible(context) {
  const { browser, provider } = context;
  const { listener, call, server } = await scene(context);
  const ready = await call({ landed: true, title: 'Invoice question' });
  const coming = await call({ held: true });
  const failed = await call({ faults: { unauthorized: true } });
  const gone = await call({ landed: true });
  await server.prepare(coming.sid);
  await server.prepare(failed.sid).catch(() => {});
  await server.erase(gone.sid);
  await listener.signIn({ role: 'admin' });
  await listener.state(failed.sid, 'failed');

  const found = [];
  for (const theme of ['light', 'dark']) {
    await browser.run((to) => void (document.documentElement.dataset.theme = to), theme);
    for (const [name, { sid }] of Object.entries({ ready, coming, failed, gone })) {
      await listener.open(sid);
      await listener.there(`.call h2`);
      await listener.there('.history li, .history .quiet');
      found.push(...(await findings(browser, `${name}, ${theme}`)));
    }
  }
  await browser.run(() => void (location.hash = '#/?q=nobody'));
  await listener.there('.calls .blank');
  found.push(...(await findings(browser, 'nothing found')));
  await browser.click('.avatar');
  found.push(...(await findings(browser, 'menu')));
  await browser.click('.menu > .button');
  await listener.there('.sign-in');
  found.push(...(await findings(browser, 'sign-in')));
  await provider.release(coming.recording);
  assert.deepEqual(found, []);
  return '11 pages';
}

async function accessibleStates(context) {
  const { browser } = context;
  const { server, listener } = await scene(context);
  await browser.goto(`${server.base}/gallery`);
  await listener.there('.gallery .landfall-player');
  const states = await browser.run(() => [...document.querySelectorAll('.gallery section')].map((s) => s.getAttribute('aria-label')));
  const found = [];
  for (const state of states) {
    await browser.goto(`${server.base}/gallery?state=${encodeURIComponent(state)}`);
    await listener.there('.gallery .landfall-player');
    found.push(...(await findings(browser, state)));
  }
  assert.deepEqual(found, []);
  return `${states.length} states in two languages and themes`;
}

async function steady(context) {
  const { browser, provider } = context;
  const { listener, call } = await scene(context);
  const { sid, recording } = await call({ seconds: 60, held: true, title: 'Invoice question' });
  await call();
  await listener.signIn({}, `#/calls/${sid}`);
  await listener.there(PLAY);
  await listener.online();
  await pause(800);
  // Where everything is that does not belong to what changes.
  const places = () =>
    browser.run(() =>
      [...document.querySelectorAll('.header, .toolbar, .row, .call-head, .call h3, .call dt, .player, .landfall-player')].map((e) => {
        const { left, top, width } = e.getBoundingClientRect();
        return [e.className || e.textContent, Math.round(left), Math.round(top), Math.round(width)].join(' ');
      }),
    );
  const before = await places();
  const shifts = (await browser.run(() => window.spy.shifts)).length;
  await listener.playFromList(sid);
  await listener.state(sid, 'downloading');
  await pause(300);
  const strip = (list) => list.map((place) => place.replace(/ open| current/, '')).filter((place) => !/^(Format|Size|Duration|Recording)/.test(place));
  assert.deepEqual(strip(await places()).slice(0, 8), strip(before).slice(0, 8), 'while it is fetched');
  await provider.release(recording);
  await listener.sounds();
  await pause(500);
  assert.deepEqual(strip(await places()).slice(0, 8), strip(before).slice(0, 8), 'when it plays');
  const moved = (await browser.run(() => window.spy.shifts)).slice(shifts).filter(({ hadRecentInput }) => !hadRecentInput);
  const sum = moved.reduce((total, { value }) => total + value, 0);
  assert.ok(sum < 0.01, JSON.stringify(moved));
  return browser.name === 'chromium' ? `layout shift ${sum.toFixed(4)}` : '';
}

async function forgets(context) {
  const { browser } = context;
  const { listener, server } = await scene(context);
  await browser.goto(`${server.base}/gallery?state=playing&lang=en&theme=light`);
  await listener.there('.gallery .landfall-player');
  const cycle = (times) =>
    browser.run(async (times) => {
      const button = document.querySelector('.gallery header button');
      for (let n = 0; n < times; n++) {
        const before = document.querySelector('.landfall-player');
        button.click();
        while (document.querySelector('.landfall-player') === before) await new Promise((done) => setTimeout(done, 0));
        // Drawn and observed, as in life: not thrown away before anything has begun.
        await new Promise((done) => requestAnimationFrame(done));
      }
    }, times);
  await cycle(50);
  const count = () => browser.run(() => document.querySelectorAll('*').length);
  const [before, elements] = [await browser.alive?.(), await count()];
  await cycle(MOUNTS);
  const [after, left] = [await browser.alive?.(), await count()];
  assert.equal(left, elements, 'elements of the page');
  if (!before) return `${MOUNTS} times, ${left} elements before and after`;
  const grown = after.heap - before.heap;
  const more = `heap ${Math.round(grown / 1000)} kB, ${after.nodes - before.nodes} nodes, ${after.listeners - before.listeners} listeners`;
  assert.ok(grown < 1_000_000 && after.nodes - before.nodes < 200 && after.listeners - before.listeners < 50, more);
  return `${MOUNTS} times: ${more}`;
}

async function smooth(context) {
  const { browser } = context;
  const { listener, call } = await scene(context);
  const { sid } = await call({ seconds: 600, landed: true });
  await listener.signIn();
  await listener.playFromList(sid);
  await listener.sounds();
  await pause(1000);
  const from = await browser.run(() => performance.now());
  const frames = await browser.run(
    (ms) =>
      new Promise((resolve) => {
        const [began, gaps] = [performance.now(), []];
        let last = began;
        const frame = (now) => {
          gaps.push(now - last);
          last = now;
          if (now - began < ms) requestAnimationFrame(frame);
          else resolve(gaps.length / ((now - began) / 1000));
        };
        requestAnimationFrame(frame);
      }),
    TRACE_MS,
  );
  const long = (await browser.run(() => window.spy.long)).filter(({ startTime, duration }) => startTime > from && duration > LONG_TASK_MS);
  assert.deepEqual(long, [], 'long tasks');
  return `${frames.toFixed(0)} frames a second, no task over ${LONG_TASK_MS} ms`;
}

export default [
  { name: 'axe finds nothing on the pages, light and dark', run: accessible },
  { name: 'axe finds nothing in any state of player and row', run: accessibleStates },
  { name: 'nothing moves when a state changes', run: steady },
  { name: '500 times mounted and unmounted: nothing stays behind', run: forgets },
  // Firefox tells nobody of long tasks.
  { name: '30 s of playing without a long task', run: smooth, only: 'chromium', alone: true },
];
