/** compose.yml, up: the same services, configuration, networks, users and mounts, without an engine. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { PUBLIC_NAME, sleep, Stage } from './stage.js';

const BASE = `http://${PUBLIC_NAME}`;
const TENANT = 'demo';
const PATIENCE_MS = 20_000;

let stage: Stage;
let agent = '';
let admin = '';
let service = '';

interface Recording {
  call_sid: string;
  recording_sid: string;
  account_sid: string;
}
type Message = Record<string, any>;

before(async () => {
  stage = await Stage.up();
  await stage.healthy('nginx');
  for (const name of ['worker', 'redis', 'postgres']) await stage.healthy(name);
  [agent, admin, service] = await Promise.all([token(TENANT, 'agent'), token(TENANT, 'admin'), token('backend', 'service')]);
});
after(() => stage?.down());

const token = async (tenant: string, role: string) => (await stage.one('api').exec(['/usr/local/bin/landfall', 'token', '--tenant', tenant, '--role', role])).output.trim();

const ask = (path: string, headers: Record<string, string> = {}, as = agent) => fetch(BASE + path, { headers: { authorization: `Bearer ${as}`, ...headers } });

/** Orders to the simulator go past nginx. */
async function simulated(recording: object = {}): Promise<Recording> {
  const [address] = stage.addresses.get('simulator') ?? [];
  const answer = await fetch(`http://${address}:9080/_sim/recordings`, { method: 'POST', body: JSON.stringify({ seconds: 30, ...recording }), headers: { 'content-type': 'application/json' } });
  return (await answer.json()) as Recording;
}

async function registered(recording: object = {}): Promise<Recording> {
  const made = await simulated(recording);
  const body = JSON.stringify({ tenant: TENANT, account_sid: made.account_sid });
  const answer = await fetch(`${BASE}/api/calls/${made.call_sid}`, { method: 'PUT', body, headers: { authorization: `Bearer ${service}`, 'content-type': 'application/json' } });
  assert.equal(answer.status, 201);
  return made;
}

/** The sum of a metric's series with these labels, from that server or worker itself. */
async function counted(name: string, number: number, metric: string, labels = ''): Promise<number> {
  const address = stage.addresses.get(name)?.[number];
  const text = await (await fetch(`http://${address}:9090/metrics`)).text();
  const lines = text.split('\n').filter((line) => (line.startsWith(`${metric}{`) || line.startsWith(`${metric} `)) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

class Listener {
  private readonly heard: Message[] = [];
  closed: number | undefined;

  private constructor(private readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message['type'] === 'ping') socket.send('{"type":"pong"}');
      this.heard.push(message);
    };
    socket.onclose = ({ code }) => (this.closed = code);
    // Node.js 20 says no more of one that never opened.
    socket.onerror = () => (this.closed ??= 1006);
  }

  static async open(): Promise<Listener> {
    const listener = new Listener(new WebSocket(`${BASE.replace('http', 'ws')}/ws/recordings`, ['landfall.v1', `landfall.bearer.${agent}`]));
    await listener.until((message) => message['type'] === 'welcome');
    return listener;
  }

  send(message: Message): void {
    this.socket.send(JSON.stringify(message));
  }

  async until(is: (message: Message) => boolean): Promise<Message> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(5)) {
      const found = this.heard.find(is);
      if (found) return found;
      assert.equal(this.closed, undefined, `closed with ${this.closed}: ${JSON.stringify(this.heard)}`);
    }
    throw new Error(`not heard: ${JSON.stringify(this.heard)}`);
  }

  async end(): Promise<number> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(5)) if (this.closed !== undefined) return this.closed;
    throw new Error('still open');
  }

  close(): void {
    this.socket.close();
  }
}

/** The rest of an answer that is read as far as its beginning, past nginx from that server itself. */
async function halfway(name: string, recording: Recording): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const answer = await fetch(`http://${stage.addresses.get(name)?.[0]}:8080${file(recording)}`, { headers: { authorization: `Bearer ${agent}` } });
  const reader = answer.body?.getReader();
  assert.ok(reader);
  await reader.read();
  return reader;
}

const landed = ({ call_sid }: Recording) => (message: Message) => message['type'] === 'ready' && message['sid'] === call_sid;
const file = ({ call_sid }: Recording) => `/api/recordings/file/${call_sid}`;
const digest = (bytes: ArrayBuffer | Uint8Array) => createHash('sha256').update(new Uint8Array(bytes)).digest('hex');

test('every process runs as a user without rights, under a root that can only be read', async () => {
  for (const name of ['nginx', 'calls', 'api', 'worker', 'redis', 'postgres'])
    for (const container of stage.all(name)) {
      const status = readFileSync(`/proc/${container.pid()}/status`, 'utf8');
      const field = (key: string) => new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(status)?.[1];
      assert.notEqual(field('Uid'), '0', name);
      for (const set of ['CapEff', 'CapPrm', 'CapBnd']) assert.match(field(set) ?? '', /^0+$/, `${name}: ${set}`);
      assert.equal(field('NoNewPrivs'), '1', name);
      assert.match((await container.exec(['sh', '-c', 'touch /usr/x'])).output, /Read-only file system/, name);
    }
});

test('init has given the volume to them', () => {
  assert.equal(statSync(join(stage.home, 'volumes/recordings_data')).uid, 10001);
});

test('a play over the socket at one server is ready at both, and the other sends its bytes', async () => {
  const recording = await registered();
  const [sockets, bytes] = [await counted('calls', 0, 'landfall_websocket_connections'), await counted('api', 0, 'landfall_media_bytes_total')];
  const listener = await Listener.open();
  assert.equal(await counted('calls', 0, 'landfall_websocket_connections'), sockets + 1, 'sockets are led to calls');
  listener.send({ type: 'subscribe', id: 1, sids: [recording.call_sid], intent: 'play' });
  const ready = await listener.until(landed(recording));
  assert.equal(ready['url'], BASE + file(recording));
  // As a player: the beginning, then where the listener seeks to, then the rest.
  const first = await ask(file(recording), { range: 'bytes=0-65535' });
  assert.equal(first.status, 206);
  const size = Number(first.headers.get('content-range')?.split('/')[1]);
  assert.equal(size, ready['size']);
  const etag = first.headers.get('etag') ?? '';
  const beginning = new Uint8Array(await first.arrayBuffer());
  const sought = await ask(file(recording), { range: `bytes=${size - 4000}-`, 'if-range': etag });
  assert.deepEqual([sought.status, sought.headers.get('content-range'), sought.headers.get('content-encoding')], [206, `bytes ${size - 4000}-${size - 1}/${size}`, null]);
  const ending = new Uint8Array(await sought.arrayBuffer());
  const middle = new Uint8Array(await (await ask(file(recording), { range: `bytes=65536-${size - 4001}`, 'if-range': etag })).arrayBuffer());
  const whole = await (await ask(file(recording))).arrayBuffer();
  assert.equal(digest(Buffer.concat([beginning, middle, ending])), digest(whole));
  assert.equal(digest(readFileSync(join(stage.home, 'volumes/recordings_data', `${recording.call_sid}.mp3`))), digest(whole));
  assert.equal((await counted('api', 0, 'landfall_media_bytes_total')) - bytes, 2 * size, 'bytes come from api');
  const downloads = await Promise.all([0, 1].map((number) => counted('worker', number, 'landfall_downloads_total')));
  assert.ok(downloads.some((count) => count > 0), 'a worker has fetched it');
  listener.close();
});

test('a callback at the public address is believed, and fetches before anybody asks', async () => {
  const recording = await simulated();
  const [address] = stage.addresses.get('simulator') ?? [];
  const order = { url: 'http://nginx:8080/webhooks/twilio/recording-status', signed_url: `${BASE}/webhooks/twilio/recording-status`, recording_sid: recording.recording_sid, event: 'completed' };
  const told = await fetch(`http://${address}:9080/_sim/callbacks`, { method: 'POST', body: JSON.stringify(order), headers: { 'content-type': 'application/json' } });
  assert.equal(((await told.json()) as Message)['status'], 204);
  const answer = await ask(`${file(recording)}?wait=30`);
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
});

test('a request is held for as long as Landfall holds it, and answered when it lands', async () => {
  const recording = await registered({ held: true });
  const began = Date.now();
  const held = ask(`${file(recording)}?wait=60`);
  await sleep(4000);
  const [address] = stage.addresses.get('simulator') ?? [];
  await fetch(`http://${address}:9080/_sim/recordings/${recording.recording_sid}/release`, { method: 'POST' });
  assert.equal((await held).status, 200);
  assert.ok(Date.now() - began >= 4000);
});

test('the address that the proxy before nginx has seen stands in the audit, and no other that is claimed', async () => {
  const recording = await registered();
  const answer = await ask(`${file(recording)}?wait=30`, { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' });
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
    const { items } = (await (await ask(`/api/recordings/${recording.call_sid}/audit`, {}, admin)).json()) as { items: Message[] };
    const [entry] = items;
    if (entry) return assert.equal(entry['address'], '203.0.113.7');
    assert.ok(Date.now() < deadline, 'an entry of the audit');
  }
});

test('what is for the own network is not led through', async () => {
  for (const path of ['/internal/landed', '/metrics', '/readyz']) assert.equal((await ask(path)).status, 404, path);
  assert.equal((await ask('/healthz')).status, 200);
  assert.equal((await ask('/')).status, 200);
});

for (const name of ['calls', 'api', 'worker'])
  test(`doctor finds nothing in ${name}`, async () => {
    const said = await stage.one(name).exec(['/usr/local/bin/landfall', 'doctor', '--json'], 60_000);
    const { ok, checks } = JSON.parse(said.output) as { ok: boolean; checks: Message[] };
    const bad = checks.filter(({ status }) => status === 'fail' || status === 'warn');
    assert.deepEqual(bad, []);
    assert.ok(ok && said.status === 0);
    const sharing = checks.find((check) => check['name'] === 'sharing');
    assert.equal(sharing?.['status'], 'ok', JSON.stringify(sharing));
  });

test('a backup of the database goes back as docs/deploy.md says', async () => {
  const steps = [
    'pg_dump -U landfall -Fc landfall >/tmp/dump',
    'createdb -U landfall restored',
    'pg_restore -U landfall -d restored --no-owner </tmp/dump',
    'psql -q -U landfall -d restored -c "UPDATE epoch SET epoch = gen_random_uuid()"',
    'for base in landfall restored; do psql -U landfall -d $base -tAc "SELECT count(*) FROM calls"; done',
  ];
  const { status, output } = await stage.one('postgres').exec(['sh', '-ec', steps.join('\n')]);
  assert.equal(status, 0, output);
  const [original, restored] = output.trim().split('\n').map(Number);
  assert.ok(original && original > 0, output);
  // Calls may have come in since.
  assert.ok(restored && restored > 0 && restored <= original, output);
});

test('a server that stops sends its listeners to the other, where they hear what they wait for', async () => {
  // Somebody is half-way through a recording there: while it stops, it still listens, and refuses sockets.
  const long = await registered({ seconds: 7200 });
  await (await ask(`${file(long)}?wait=60`)).arrayBuffer();
  const heard = await registered();
  await (await ask(`${file(heard)}?wait=30`)).arrayBuffer();
  const next = await registered({ held: true });
  const listener = await Listener.open();
  listener.send({ type: 'subscribe', id: 1, sids: [next.call_sid], intent: 'play' });
  await listener.until((message) => message['type'] === 'subscribed');
  const unfinished = await halfway('calls', long);
  stage.one('calls').signal('SIGTERM');
  await listener.until((message) => message['type'] === 'drain');
  assert.equal(await listener.end(), 4501);
  // It comes back, is led to the other server, and hears of what it waits for.
  const again = await Listener.open();
  again.send({ type: 'subscribe', id: 1, sids: [next.call_sid, heard.call_sid], intent: 'play' });
  await again.until((message) => message['type'] === 'subscribed');
  assert.equal((await ask(file(heard), { range: 'bytes=0-99' })).status, 206);
  const [address] = stage.addresses.get('simulator') ?? [];
  await fetch(`http://${address}:9080/_sim/recordings/${next.recording_sid}/release`, { method: 'POST' });
  await again.until(landed(next));
  assert.ok(stage.one('calls').isRunning(), 'it has not ended before');
  await unfinished.cancel();
  assert.equal(await stage.one('calls').end(), 0);
  assert.ok((await counted('api', 0, 'landfall_websocket_connections')) > 0);
  again.close();
  // And it takes its sockets back, when nginx asks it again: nginx counts whole seconds, so fail_timeout may be one longer than it says.
  stage.one('calls').start();
  await stage.healthy('calls');
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(500)) {
    const last = await Listener.open();
    const isBack = (await counted('calls', 0, 'landfall_websocket_connections')) > 0;
    last.close();
    if (isBack) break;
    assert.ok(Date.now() < deadline, 'sockets are led to calls again');
  }
});

test('a download in flight is finished by the server that stops', async () => {
  const recording = await registered({ seconds: 7200 });
  const whole = await (await ask(`${file(recording)}?wait=60`)).arrayBuffer();
  const reader = (await ask(file(recording))).body?.getReader();
  assert.ok(reader);
  const parts = [(await reader.read()).value ?? new Uint8Array()];
  // What is on its way through nginx may lie in buffers already; one without a proxy in between holds the server for sure.
  const unfinished = await halfway('api', recording);
  stage.one('api').signal('SIGTERM');
  await sleep(1000);
  assert.ok(stage.one('api').isRunning(), 'it waits for who listens');
  assert.equal((await ask(file(recording), { range: 'bytes=0-99' })).status, 206);
  for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
  assert.equal(digest(Buffer.concat(parts)), digest(whole));
  await unfinished.cancel();
  assert.equal(await stage.one('api').end(), 0);
  stage.one('api').start();
  await stage.healthy('api');
});

test('bytes and lists go on while the server for them is killed and is away', async () => {
  const recording = await registered();
  await (await ask(`${file(recording)}?wait=30`)).arrayBuffer();
  stage.one('api').signal('SIGKILL');
  await stage.one('api').end();
  for (let n = 0; n < 20; n++) assert.equal((await ask(file(recording), { range: `bytes=${n * 100}-${n * 100 + 99}` })).status, 206);
  assert.equal((await ask('/api/recordings')).status, 200);
  stage.one('api').start();
  await stage.healthy('api');
});

test('nginx starts while a server is away', async () => {
  stage.one('calls').signal('SIGKILL');
  await stage.one('calls').end();
  stage.one('nginx').signal('SIGQUIT');
  await stage.one('nginx').end();
  stage.one('nginx').start();
  await stage.healthy('nginx');
  (await Listener.open()).close();
  stage.one('calls').start();
  await stage.healthy('calls');
});

test('no secret is in a log, and no query of a link in that of nginx', async () => {
  const recording = await registered();
  const link = await fetch(`${BASE}/api/recordings/${recording.call_sid}/link`, { method: 'POST', body: '{"purpose":"play"}', headers: { authorization: `Bearer ${agent}`, 'content-type': 'application/json' } });
  const { url } = (await link.json()) as { url: string };
  assert.equal((await fetch(`${url}&wait=30`)).status, 200);
  const logs = [...stage.containers.values()].flat().map((container) => container.output()).join('\n');
  assert.match(stage.one('nginx').output(), new RegExp(recording.call_sid));
  for (const secret of ['jwt_secret', 'postgres_password']) assert.ok(!logs.includes(readFileSync(join(stage.home, 'compose/secrets', secret), 'utf8').trim()), secret);
  assert.ok(!logs.includes(new URL(url).searchParams.get('sig') ?? '-'), 'the signature of a link');
});
