/** A provider, a server, and the orders one gives them: real processes on free ports of the loopback. */

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

/** The server under test, with a volume and a catalog of its own. */
export async function startServer(provider) {
  const home = await mkdtemp(join(tmpdir(), 'landfall-e2e-'));
  const listen = `127.0.0.1:${await freePort()}`;
  const base = `http://${listen}`;
  const env = {
    LANDFALL_LISTEN: listen,
    LANDFALL_VOLUME: join(home, 'recordings'),
    LANDFALL_DATABASE_URL: `sqlite://${join(home, 'landfall.db')}`,
    LANDFALL_AUTH__JWT_SECRET: SECRET,
    LANDFALL_TWILIO__API_BASE: provider.base,
    LANDFALL_TWILIO__ACCOUNTS: JSON.stringify([ACCOUNT]),
  };
  const service = `Bearer ${token({ sub: 'e2e', role: 'service' })}`;
  let process;
  const start = async () => {
    process = run('LANDFALL_BIN', ['serve'], { env, cwd: home });
    await process.until(async () => (await fetch(`${base}/readyz`)).ok);
  };
  await start();
  return {
    base,
    /** Tells the server of a call, as a back end does. */
    register: (callSid, call) =>
      json(
        `${base}/api/calls/${callSid}`,
        'PUT',
        { tenant: TENANT, account_sid: ACCOUNT.account_sid, ...call },
        service,
      ),
    bytes: async (sid) => {
      const answer = await fetch(`${base}/api/recordings/file/${sid}`, { headers: { Authorization: service } });
      return Buffer.from(await answer.arrayBuffer());
    },
    restart: async () => {
      await process.stop();
      await start();
    },
    stop: async () => {
      await process.stop();
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

async function json(url, method, body, authorization) {
  const headers = { 'Content-Type': 'application/json', ...(authorization ? { Authorization: authorization } : {}) };
  const answer = await fetch(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
