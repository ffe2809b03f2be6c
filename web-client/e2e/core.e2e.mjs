/** The built core in a real browser against a real server: over the socket, and where networks block that. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { startProvider, startServer, TENANT, token } from './servers.mjs';

const cleanUp = [];
let failed = false;

async function step(name, run) {
  const started = Date.now();
  await run();
  console.log(`✓ ${name} (${Date.now() - started} ms)`);
}

try {
  const provider = await startProvider();
  cleanUp.push(provider.stop);
  const server = await startServer(provider);
  cleanUp.push(server.stop);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  cleanUp.push(() => browser.close());
  const page = await browser.newPage();
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));

  const call = async () => {
    const recording = await provider.record({ seconds: 5, held: true });
    await server.register(recording.call_sid, { from: 'Dana', to: 'Support', duration_s: 5 });
    return recording;
  };

  // The library as it is published, served beside a page of the server's origin.
  await page.route('**/lib/**', async (route) => {
    const { pathname } = new URL(route.request().url());
    const body = await readFile(new URL(`..${pathname}`, import.meta.url));
    await route.fulfill({ body, contentType: 'text/javascript' });
  });
  await page.addInitScript(() => {
    const Real = WebSocket;
    // As with a proxy that does not let upgrades through: the browser tells no more than 1006.
    window.WebSocket = class {
      constructor(...args) {
        if (!window.socketsBlocked) return new Real(...args);
        setTimeout(() => this.onclose?.({ code: 1006 }), 5);
      }
      close() {}
    };
  });

  const open = async ({ blocked, buffered = false }) => {
    await page.unroute('**/events?**');
    if (buffered) await page.route('**/events?**', (route) => route.abort());
    await page.goto(`${server.base}/healthz`);
    await page.evaluate(
      async ({ blocked, jwt }) => {
        window.socketsBlocked = blocked;
        const { createClient } = await import('/lib/core.js');
        window.client = createClient({ getToken: () => jwt });
        client.start();
      },
      { blocked, jwt: token({ sub: 'dana', business_id: TENANT }) },
    );
  };
  const carriedBy = (carrier) =>
    page.waitForFunction((carrier) => client.link.carrier === carrier, carrier, { timeout: 20_000 });
  const play = (sid) =>
    page.evaluate((sid) => {
      window.phases = [];
      const note = () => {
        const { phase } = client.view(sid);
        if (phases.at(-1) !== phase) phases.push(phase);
      };
      note();
      window.leave = client.play(sid, note);
    }, sid);
  const phase = (name) =>
    page.waitForFunction((name) => phases.at(-1) === name, name, { timeout: 20_000 }).catch(async (error) => {
      throw new Error(`${name} expected after ${await page.evaluate(() => phases)}`, { cause: error });
    });
  const playThrough = async () => {
    const recording = await call();
    await play(recording.call_sid);
    await phase('downloading');
    await provider.release(recording.recording_sid);
    await phase('ready');
    return recording.call_sid;
  };

  await step('over the socket, a play becomes ready, and its link opens the bytes', async () => {
    await open({ blocked: false });
    await carriedBy('socket');
    const sid = await playThrough();
    const answer = await page.evaluate(async (sid) => {
      const { url, expiresAt, durationMs } = await client.getSource(sid, 'play');
      const { status, headers } = await fetch(url, { headers: { Range: 'bytes=0-99' } });
      return { status, length: headers.get('content-length'), durationMs, left: expiresAt - Date.now() };
    }, sid);
    assert.equal(answer.status, 206);
    assert.equal(answer.length, '100');
    assert.ok(answer.durationMs >= 5000 && answer.left > 60_000, JSON.stringify(answer));
    assert.equal(requests.filter((url) => url.includes('fallbacks')).length, 0);
  });

  await step('where sockets are blocked, an event stream carries the same', async () => {
    await open({ blocked: true });
    await carriedBy('events');
    await playThrough();
  });

  await step('a server that restarts is found again, by whatever carries it', async () => {
    await server.restart();
    await page.waitForFunction(() => client.link.phase === 'online', undefined, { timeout: 40_000 });
    assert.equal(await page.evaluate(() => phases.at(-1)), 'ready');
  });

  await step('the socket takes over as soon as it works again', async () => {
    await page.evaluate(() => (window.socketsBlocked = false));
    await carriedBy('socket');
    await playThrough();
  });

  await step('where nothing streams either, held requests carry it', async () => {
    await open({ blocked: true, buffered: true });
    const { call_sid, recording_sid } = await call();
    await play(call_sid);
    await carriedBy('held');
    await phase('downloading');
    await provider.release(recording_sid);
    await phase('ready');
  });

  await step('a recording that nobody knows is said not to be found', async () => {
    for (const blocked of [false, true]) {
      await open({ blocked });
      await play(`CA${'f'.repeat(32)}`);
      await phase('not_found');
    }
  });
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  for (const stop of cleanUp.reverse()) await stop();
}
// At once: Node 20 may else wait for ever for handles that were closed.
process.exit(failed ? 1 : 0);
