/** A provider, a server, and the orders one gives them: real processes on free ports of the loopback. */

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWire } from './wire.mjs';

const ACCOUNT = { account_sid: 'AC00000000000000000000000000000001', auth_token: 'e2e-token' };
const SECRET = 'a secret for this test alone, long enough';
const START_MS = 30_000;

export const TENANT = 'e2e';

/** A JWT as the server's secret signs it. */
export function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ exp, ...claims })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** The provider's simulator. */
export async function startProvider() {
  const process = run('TWILIO_SIM_BIN', [
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--account',
    ACCOUNT.account_sid,
    '--token',
    ACCOUNT.auth_token,
  ]);
  const base = await process.firstLine();
  const order = (method, path, body) => json(base + path, method, body);
  return {
    base,
    /** Adds a recording: `seconds`, `held`, `faults` and whatever else the simulator takes. */
    record: (recording) => order('POST', '/_sim/recordings', recording),
    release: (recordingSid) => order('POST', `/_sim/recordings/${recordingSid}/release`),
    stats: async (recordingSid) => (await order('GET', `/_sim/recordings/${recordingSid}`)).stats,
    stop: process.stop,
  };
}

/**
 * The server under test, with a volume and a catalog of its own, behind a wire that can be cut. `settings` are further
 * `LANDFALL_…` variables. With `LANDFALL_WEB=dist` pages come from `dist/`, whatever the server embeds.
 */
export async function startServer(provider, settings = {}) {
  const home = await mkdtemp(join(tmpdir(), 'landfall-e2e-'));
  const port = await freePort();
  const direct = `http://127.0.0.1:${port}`;
  const ends = [];
  let front = port;
  if (process.env.LANDFALL_WEB === 'dist') {
    const preview = await (await import('./preview.mjs')).startPreview(direct);
    ends.push(preview.stop);
    front = preview.port;
  }
  const wire = await startWire(front);
  const { base } = wire;
  const env = {
    LANDFALL_LISTEN: `127.0.0.1:${port}`,
    LANDFALL_PUBLIC_URL: base,
    LANDFALL_VOLUME: join(home, 'recordings'),
    LANDFALL_DATABASE_URL: `sqlite://${join(home, 'landfall.db')}`,
    LANDFALL_AUTH__JWT_SECRET: SECRET,
    LANDFALL_TWILIO__API_BASE: provider.base,
    LANDFALL_TWILIO__ACCOUNTS: JSON.stringify([ACCOUNT]),
    ...settings,
  };
  const service = `Bearer ${token({ sub: 'e2e', role: 'service' })}`;
  let running;
  const start = async () => {
    running = run('LANDFALL_BIN', ['serve'], { env, cwd: home });
    await running.until(async () => (await fetch(`${direct}/readyz`)).ok);
  };
  await start();
  const order = (method, path, body) => json(direct + path, method, body, service);
  return {
    base,
    wire,
    /** Tells the server of a call, as a back end does. */
    register: (callSid, call) =>
      order('PUT', `/api/calls/${callSid}`, { tenant: TENANT, account_sid: ACCOUNT.account_sid, ...call }),
    prepare: (sid) => order('POST', `/api/recordings/${sid}/prepare`),
    state: (sid) => order('GET', `/api/recordings/${sid}`),
    link: (sid) => order('POST', `/api/recordings/${sid}/link`, { purpose: 'play' }),
    erase: (sid) => order('DELETE', `/api/recordings/${sid}`),
    ready: (sid) =>
      running.until(async () => (await order('GET', `/api/recordings/${sid}`)).state === 'ready'),
    /** A figure of the server's own metrics, summed over its labels; `labels` is a part of them. */
    metric: async (name, labels = '') => {
      const text = await (await fetch(`${direct}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line.startsWith(`landfall_${name}`) && line.includes(labels));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    },
    bytes: async (sid) => {
      const answer = await fetch(`${direct}/api/recordings/file/${sid}`, { headers: { Authorization: service } });
      return Buffer.from(await answer.arrayBuffer());
    },
    restart: async () => {
      await running.stop();
      await start();
    },
    log: () => running.log(),
    stop: async () => {
      await running.stop();
      await wire.stop();
      for (const end of ends) await end();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function run(variable, args, { env = {}, cwd } = {}) {
  const program = process.env[variable];
  if (!program) throw new Error(`${variable} is not set: the path of the program to test (see e2e/README.md)`);
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  let ended;
  const exit = new Promise((resolve) => {
    child.on('error', (error) => resolve(`${program} cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => resolve(`${program} has ended (${signal ?? code})`));
  }).then((why) => (ended = why));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-20_000)));
  }

  const until = async (check) => {
    const deadline = Date.now() + START_MS;
    for (;;) {
      const result = await check().catch(() => undefined);
      if (result) return result;
      if (ended) throw new Error(`${ended}\n${log}`);
      if (Date.now() > deadline) throw new Error(`${program} is not ready after ${START_MS / 1000} s\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    until,
    log: () => log,
    firstLine: () => until(async () => log.includes('\n') && log.slice(0, log.indexOf('\n')).trim()),
    stop: () => {
      child.kill('SIGTERM');
      return exit;
    },
  };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Times that a server which is busy is asked again. */
const TRIES = 5;

async function json(url, method, body, authorization, tries = TRIES) {
  const headers = { 'Content-Type': 'application/json', ...(authorization ? { Authorization: authorization } : {}) };
  const answer = await fetch(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await answer.text();
  if (answer.status === 503 && tries > 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return json(url, method, body, authorization, tries - 1);
  }
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
