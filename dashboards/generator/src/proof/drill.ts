/** Listeners by the dozen while things go wrong: so that whatever can be counted is. */

import { spawnSync } from 'node:child_process';
import { link, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';

import { sleep, type Stage, TENANT, token } from './processes.js';

interface Recording {
  call_sid: string;
  recording_sid: string;
  account_sid: string;
}

/** Long enough for the first look at what is too old (a minute after a start), and for windows full of everything else. */
const LOAD_MS = 80_000;
/** Between two requests for media. */
const PACE_MS = 40;
/** Longer than a lease lasts. */
const HANG_MS = 14_000;

/** Acts it all out; returns when it is over. */
export async function drill(stage: Stage): Promise<void> {
  const { server } = stage;
  const over = Date.now() + LOAD_MS;
  const goesOn = () => Date.now() < over;
  const as = (role: string) => ({ authorization: `Bearer ${token(role)}` });
  const call = (method: string, path: string, role = 'agent', body?: unknown) =>
    fetch(server.base + path, {
      method,
      headers: { ...as(role), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }).then(async (answer) => void (await answer.arrayBuffer()), () => undefined);
  const order = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(stage.simulator + path, { method, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  };
  const simulated = (recording: object) => order<Recording>('POST', '/_sim/recordings', { seconds: 30, ...recording });
  const registered = async (recording: object, more: object = {}) => {
    const made = await simulated(recording);
    await call('PUT', `/api/calls/${made.call_sid}`, 'service', { tenant: TENANT, account_sid: made.account_sid, ...more });
    return made;
  };
  const file = (recording: Recording) => `/api/recordings/file/${recording.call_sid}`;
  const callback = (recording: Recording, more: object = {}) =>
    order('POST', '/_sim/callbacks', { url: `${server.base}/webhooks/twilio/recording-status`, recording_sid: recording.recording_sid, event: 'completed', ...more }).catch(() => undefined);
  const socket = (protocols = ['landfall.v1', `landfall.bearer.${token('agent')}`]) => {
    const opened = new WebSocket(`${server.base.replace('http', 'ws')}/ws/recordings`, protocols);
    opened.onmessage = ({ data }) => void (JSON.parse(String(data)).type === 'ping' && opened.send('{"type":"pong"}'));
    const open = new Promise<WebSocket>((done) => (opened.onopen = () => done(opened)));
    opened.onerror = () => undefined;
    return Promise.race([open, sleep(3000).then(() => opened)]);
  };
  const subscribe = (to: WebSocket, sids: string[], intent: string) => {
    if (to.readyState === WebSocket.OPEN) to.send(JSON.stringify({ type: 'subscribe', id: 1, sids, intent }));
  };

  const landed: Recording[] = [];
  const slowly = { latency_ms: 300, bytes_per_second: 200_000 };

  /** Calls come in, are played by some and watched by others, and are announced before or after. */
  const calls = async () => {
    for (let n = 0; goesOn(); n++) {
      const made = await registered({ faults: slowly }, { started_at: new Date().toISOString() }).catch(() => undefined);
      if (made) {
        const listeners = await Promise.all([socket(), socket(), socket()]);
        listeners.forEach((listener, i) => subscribe(listener, [made.call_sid], i === 0 && n % 2 === 0 ? 'play' : 'watch'));
        await callback(made);
        if (n % 5 === 0) await callback(made);
        void call('GET', `${file(made)}?wait=30`).then(async () => {
          landed.push(made);
          await sleep(500);
          listeners.forEach((listener, i) => listener.close(i === 0 ? 1000 : undefined));
        });
      }
      await sleep(800);
    }
  };
  /** Listening and seeking, by Zipf's law. */
  const media = async () => {
    while (goesOn()) {
      const chosen = landed[Math.floor(landed.length ** Math.random()) - 1];
      if (chosen) {
        const from = Math.floor(Math.random() * 50_000);
        const range = Math.random() < 0.5 ? `bytes=${from}-${from + 20_000}` : 'bytes=0-';
        const path = Math.random() < 0.1 ? `/api/calls/${chosen.call_sid}/download` : file(chosen);
        await fetch(server.base + path, { headers: { ...as('agent'), range } }).then((answer) => answer.arrayBuffer(), () => undefined);
      }
      await sleep(PACE_MS);
    }
  };
  /** What the provider does to us. */
  const provider = async () => {
    const refused = await registered({ faults: { unauthorized: true } });
    const busy = await registered({ faults: { ...slowly, not_found: 1, too_many: 1, retry_after_s: 1, server_error: 1 } });
    const absent = await registered({ status: 'absent' });
    await Promise.all([call('GET', `${file(busy)}?wait=40`), call('GET', `${file(absent)}?wait=20`)]);
    while (goesOn()) {
      for (let n = 0; n < 8; n++) await call('GET', `${file(refused)}?wait=5`);
      await call('GET', file(absent));
      await call('GET', `${file(await registered({ faults: { latency_ms: 3000 } }))}?wait=1`);
      await call('GET', `/api/recordings/file/CA${'0'.repeat(32)}`);
      await call('GET', `${file(busy)}?by=library`);
    }
  };
  /** Callbacks of others, and too early ones. */
  const callbacks = async () => {
    const known = await registered({});
    await callback(await simulated({}));
    for (let n = 0; n < 8; n++) await callback(known, { auth_token: 'somebody else\'s' });
  };
  /** Clients that do not keep to what is agreed. */
  const misuse = async () => {
    const head = connect(Number(new URL(server.base).port), '127.0.0.1');
    head.on('error', () => undefined);
    head.write('GET / HT');
    await socket([]);
    await socket(['landfall.v1', 'landfall.bearer.x']);
    (await socket()).send('nonsense');
    (await socket()).send(' '.repeat(20_000));
    subscribe(await socket(), Array.from({ length: 40 }, (_, n) => `CA${n.toString(16).padStart(32, '0')}`), 'watch');
    await call('GET', '/ws/recordings');
    const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', origin: 'https://elsewhere.example' };
    await new Promise((done) => request(`${server.base}/ws/recordings`, { headers }, (answer) => answer.resume().on('end', done)).on('error', done).end());
    const some = await registered({});
    await call('POST', `/api/recordings/${some.call_sid}/link`, 'agent', 'x'.repeat(100_000));
    await fetch(server.base + file(some)).catch(() => undefined);
    await call('DELETE', `/api/recordings/${some.call_sid}`, 'admin');
    await call('GET', file(some));
  };
  /** Listeners are told to come back, and Prometheus misses the server for some seconds. What it counted begins anew. */
  const restart = async () => {
    const old = await registered({}, { started_at: '2020-01-01T00:00:00Z' });
    await call('GET', `${file(old)}?wait=20`);
    await sleep(4000);
    await server.process.stop();
    await sleep(4000);
    await server.start();
  };
  /** What processes do to each other. */
  const processes = async () => {
    const [first, second] = stage.workers;
    spawnSync('redis-cli', ['-p', `${stage.redisPort}`, 'publish', 'landfall:signals:0', 'nonsense']);
    // A file that no event tells of: the sweep finds it.
    while (landed.length === 0) await sleep(100);
    const [unseen, source] = [await registered({}), landed[0]];
    if (source) {
      subscribe(await socket(), [unseen.call_sid], 'watch');
      // Who subscribes after the landing sees the file at once.
      await sleep(1000);
      const draft = join(stage.outside, 'draft');
      await writeFile(draft, await readFile(join(stage.volume, `${source.call_sid}.mp3`)));
      await link(draft, join(stage.volume, `${unseen.call_sid}.mp3`));
    }
    await sleep(8000);
    // Both workers hang over downloads; the first that goes on gets those of the other, which has lost them.
    const long = () => registered({ faults: { bytes_per_second: 10_000 } }, { tenant: 'another' });
    for (let n = 0; n < 3; n++) await call('POST', `/api/recordings/${(await long()).call_sid}/prepare`, 'service');
    await sleep(1000);
    first?.process.signal('SIGSTOP');
    second?.process.signal('SIGSTOP');
    await sleep(HANG_MS);
    second?.process.signal('SIGCONT');
    await sleep(6000);
    first?.process.signal('SIGCONT');
  };
  const streams = async () => {
    while (goesOn()) {
      const chosen = landed.at(-1);
      const left = new AbortController();
      if (chosen) {
        const query = `sid=${chosen.call_sid}`;
        await fetch(`${server.base}/api/recordings/events?${query}`, { headers: as('agent'), signal: left.signal }).catch(() => undefined);
      }
      await sleep(2000);
      left.abort();
    }
  };
  const faults = async () => {
    await restart();
    await Promise.all([provider(), callbacks(), misuse(), processes()]);
  };
  await Promise.all([calls(), media(), media(), streams(), faults()]);
}
