/** One listener's visit to the console, against a real server, a real provider and a real browser. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { line, startBrowser } from './browser.mjs';
import { startProvider, startServer, TENANT, token } from './servers.mjs';

/** Long enough that a far seek cannot be answered from what the browser has buffered. */
const SECONDS = 3600;
/** How long the provider keeps the listener waiting: time enough for any poll to show itself. */
const HELD_MS = 4000;

const cleanUp = [];
let failed = false;

async function step(name, run) {
  const started = Date.now();
  await run();
  console.log(`✓ ${name} (${Date.now() - started} ms)`);
}

function show(entries) {
  const from = entries[0]?.at;
  for (const entry of entries) console.log(`    ${String(entry.at - from).padStart(6)} ms  ${line(entry)}`);
}

try {
  const provider = await startProvider();
  cleanUp.push(provider.stop);
  const server = await startServer(provider);
  cleanUp.push(server.stop);
  const { page, network, stop } = await startBrowser();
  cleanUp.push(stop);

  const hour = await provider.record({ seconds: SECONDS, held: true });
  const refused = await provider.record({ seconds: 30, faults: { unauthorized: true } });
  const minutesAgo = (n) => new Date(Date.now() - n * 60_000).toISOString();
  const call = { from: '+972 3-555-0142', to: 'Support', started_at: minutesAgo(5) };
  await server.register(hour.call_sid, { ...call, duration_s: SECONDS });
  await server.register(refused.call_sid, { ...call, started_at: minutesAgo(9), title: 'שיחה עם נועה' });

  const row = page.locator(`.row[data-sid="${hour.call_sid}"]`);
  const state = (of, name) => of.and(page.locator(`[data-state="${name}"]`)).waitFor();
  const audio = (read) => page.locator('audio').evaluate(read);
  const heard = () =>
    page.waitForFunction(() => {
      const element = document.querySelector('audio');
      return !element.paused && element.currentTime > 0.1;
    });

  await step('a link with a token signs in and leaves no token in the address', async () => {
    await page.goto(`${server.base}/#token=${token({ sub: 'dana', business_id: TENANT })}`);
    await row.waitFor();
    assert.equal(page.url(), `${server.base}/`);
    await page.getByText('Live', { exact: true }).waitFor();
  });

  await step('looking at the list starts nothing', async () => {
    await state(row, 'unknown');
    assert.equal((await provider.stats(hour.recording_sid)).media_requests, 0);
  });

  const visit = network.since();
  let released;
  await step('play tells the server once, and then nobody asks again', async () => {
    await row.getByRole('button', { name: /^Play/ }).click();
    await state(row, 'downloading');
    await page.waitForTimeout(HELD_MS);
    assert.deepEqual(visit('request').map(line), [], 'requests while the recording was on its way');
    assert.deepEqual(visit('socket').map(line), [], 'sockets beside the first');
    const asked = visit('sent').filter(({ type }) => type !== 'pong');
    assert.deepEqual(
      asked.map(({ type, message }) => [type, message.intent, message.sids]),
      [['subscribe', 'play', [hour.call_sid]]],
    );
  });

  await step('it sounds as soon as it has landed', async () => {
    await page.evaluate(() => {
      document.querySelector('audio').addEventListener('playing', () => (window.playingAt ??= Date.now()));
    });
    released = Date.now();
    await provider.release(hour.recording_sid);
    await state(row, 'ready');
    await heard();
    const readyAt = visit('received').find(({ type }) => type === 'ready').at;
    const playingAt = await page.evaluate(() => window.playingAt);
    const { readyState, duration } = await audio(({ readyState, duration }) => ({ readyState, duration }));
    assert.ok(readyState >= 3, `readyState ${readyState}`);
    assert.ok(Math.abs(duration - SECONDS) < 2, `duration ${duration}`);
    console.log(
      `    released → ready ${readyAt - released} ms → sound ${playingAt - readyAt} ms; duration ${duration} s`,
    );
  });

  await step('between the click and the sound nothing was requested but the sound', async () => {
    show(visit());
    // The browser itself fetches the page's icon anew, for its own media controls, once something sounds.
    const requests = visit('request').filter(
      ({ type, url }) => !(type === 'Other' && url.includes('/assets/favicon-')),
    );
    assert.ok(requests.length > 0);
    for (const { method, url } of requests) {
      assert.equal(`${method} ${new URL(url).pathname}`, `GET /api/recordings/file/${hour.call_sid}`);
    }
    assert.ok(
      requests.every(({ at }) => at >= released),
      'the sound was requested before it was there',
    );
    assert.equal(network.all('socket').length, 1);
  });

  await step('a far seek is a Range request, answered by 206', async () => {
    const seek = network.since();
    const slider = page.getByRole('slider', { name: 'Position' });
    const { width, height } = await slider.boundingBox();
    const seeked = audio(
      (element) => new Promise((resolve) => (element.onseeked = () => resolve(element.currentTime))),
    );
    await slider.click({ position: { x: width * 0.8, y: height / 2 } });
    const time = await seeked;
    assert.ok(Math.abs(time - SECONDS * 0.8) < SECONDS * 0.03, `at ${time} s`);
    await page.waitForFunction((at) => document.querySelector('audio').currentTime > at + 0.2, time);
    assert.ok(Math.abs((await slider.inputValue()) - time) < 5, 'the slider is where the sound is');
    const ranges = seek('request').filter(({ range }) => /^bytes=[1-9]/.test(range ?? ''));
    assert.ok(ranges.length > 0, 'no Range request');
    for (const { status } of ranges) assert.equal(status, 206);
    show(seek());
  });

  await step('ten seconds back, pause, and on', async () => {
    const before = await audio(({ currentTime }) => currentTime);
    const player = page.getByRole('region', { name: 'Player' });
    await player.getByRole('button', { name: 'Back 10 seconds' }).click();
    await page.waitForFunction((at) => document.querySelector('audio').currentTime < at - 5, before);
    await player.getByRole('button', { name: 'Pause' }).click();
    assert.equal(await audio(({ paused }) => paused), true);
    await row.getByRole('button', { name: /^Play/ }).click();
    await heard();
  });

  await step('the download is the whole file under its name', async () => {
    const downloading = page.waitForEvent('download');
    await row.getByRole('link', { name: /^Download/ }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), `recording_${hour.call_sid}.mp3`);
    const [saved, served] = [await readFile(await download.path()), await server.bytes(hour.call_sid)];
    assert.ok(saved.length > 1_000_000 && saved.equals(served), `${saved.length} bytes of ${served.length}`);
  });

  await step('in Hebrew the page runs from right to left, and time from left to right', async () => {
    await page.getByRole('button', { name: 'עברית' }).click();
    const page_ = await page.evaluate(() => [document.documentElement.dir, document.documentElement.lang]);
    assert.deepEqual(page_, ['rtl', 'he']);
    assert.equal(await audio(({ paused }) => paused), false, 'the sound goes on');
    const slider = page.getByRole('slider', { name: 'מיקום' });
    assert.equal(await slider.evaluate((element) => getComputedStyle(element).direction), 'ltr');
    const before = await audio((element) => (element.pause(), element.currentTime));
    await slider.press('ArrowRight');
    await page.waitForFunction((at) => document.querySelector('audio').currentTime > at + 3, before);
    const [list, bar] = [await row.boundingBox(), await row.getByRole('button').first().boundingBox()];
    assert.ok(bar.x > list.x + list.width / 2, 'the play button is on the right');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
  });

  await step('a refusal is told with its reason', async () => {
    const hopeless = page.locator(`.row[data-sid="${refused.call_sid}"]`);
    await hopeless.getByRole('button').first().click();
    await state(hopeless, 'failed');
    await page.getByRole('alert').getByText('הספק דוחה את פרטי הגישה').waitFor();
  });

  await step('after a restart of the server the line comes back by itself, and states with it', async () => {
    const restart = network.since();
    await server.restart();
    await page.getByText('מחובר', { exact: true }).waitFor();
    await state(row, 'ready');
    await row.getByRole('button').first().click();
    await heard();
    show(restart('socket'));
  });

  await step('a reload keeps tab, user and language', async () => {
    await page.reload();
    await state(row, 'ready');
    assert.equal(await page.evaluate(() => document.documentElement.dir), 'rtl');
  });

  await step('signing out forgets the token and the cookie', async () => {
    await page.getByRole('button', { name: 'יציאה' }).click();
    await page.getByRole('button', { name: 'כניסה' }).waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.deepEqual(await page.context().cookies(), []);
  });

  // A line that is down while the server restarts is all the browser may complain of.
  const complaints = network.complaints.filter((text) => !/WebSocket connection/.test(text));
  assert.deepEqual(complaints, [], 'what the browser complained of');
} catch (error) {
  failed = true;
  console.error(`✗ ${error.stack ?? error}`);
} finally {
  for (const end of cleanUp.reverse()) await end();
}
process.exitCode = failed ? 1 : 0;
