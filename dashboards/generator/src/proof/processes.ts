/** What the drill runs: Redis, the provider's simulator, a server, two workers and Prometheus, as real processes. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ACCOUNT = { account_sid: 'AC00000000000000000000000000000001', auth_token: 'drill-token' };
const SECRET = 'a secret for this drill alone, long enough';
const START_MS = 30_000;

/** Whose calls these are. */
export const TENANT = 'drill';

/** The label under which Prometheus knows all of them. */
export const JOB = 'landfall';

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** A token as the server's secret signs it. */
export function token(role: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: `drill-${role}`, business_id: TENANT, role, exp: Math.floor(Date.now() / 1000) + 3600 };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** A process that can be stopped and paused; its last words are kept for the case that it ends by itself. */
export class Process {
  private child: ChildProcess | undefined;
  private log = '';

  constructor(private readonly program: string, private readonly args: string[], private readonly options: { cwd: string; env?: Record<string, string> }) {}

  /** Starts it, and returns when that holds. */
  async start(ready: (log: string) => Promise<boolean>): Promise<void> {
    const env = { ...process.env, ...this.options.env };
    const child = spawn(this.program, this.args, { cwd: this.options.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    let failed: Error | undefined;
    child.on('error', (error) => (failed = error));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.log = (this.log + data).slice(-5000)));
    const deadline = Date.now() + START_MS;
    while (!(await ready(this.log).catch(() => false))) {
      if (failed || child.exitCode !== null || Date.now() > deadline) throw new Error(`${this.program} did not start: ${failed ?? ''}\n${this.log}`);
      await sleep(50);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** Ends it, and waits for that. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }
}

/** Where everything is. */
export interface Stage {
  server: { base: string; process: Process; start(): Promise<void> };
  workers: { base: string; process: Process }[];
  simulator: string;
  prometheus: string;
  redisPort: number;
  volume: string;
  /** A directory of the volume's file system that is no part of it. */
  outside: string;
  stop(): Promise<void>;
}

/** Starts all of it, with `dashboards/alerts.yml` in force. */
export async function startStage(): Promise<Stage> {
  const home = await mkdtemp(join(tmpdir(), 'landfall-dashboards-'));
  const bin = (variable: string, name: string) => resolve(process.env[variable] ?? join('../../target/debug', name));
  const started: Process[] = [];
  const stop = async () => {
    await Promise.all(started.map((process) => process.stop()));
    await rm(home, { recursive: true, force: true });
  };
  const run = (program: string, args: string[], env?: Record<string, string>) => {
    const made = new Process(program, args, { cwd: home, ...(env && { env }) });
    started.push(made);
    return made;
  };
  const answers = (url: string) => async () => (await fetch(url)).ok;
  try {
    const [redisPort, serverPort, firstPort, secondPort, prometheusPort] = await freePorts(5);
    const redis = run('redis-server', ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
    await redis.start(async (log) => log.includes('Ready to accept'));
    const simulator = run(bin('TWILIO_SIM_BIN', 'twilio-sim'), ['serve', '--listen', '127.0.0.1:0', '--account', ACCOUNT.account_sid, '--token', ACCOUNT.auth_token]);
    let provider = '';
    await simulator.start(async (log) => (provider = /^http:\S+/m.exec(log)?.[0] ?? '') !== '');

    const volume = join(home, 'recordings');
    const base = `http://127.0.0.1:${serverPort}`;
    const env = {
      LANDFALL_LISTEN: `127.0.0.1:${serverPort}`,
      LANDFALL_VOLUME: volume,
      LANDFALL_DATABASE_URL: `sqlite://${join(home, 'landfall.db')}`,
      LANDFALL_REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      LANDFALL_AUTH__JWT_SECRET: SECRET,
      LANDFALL_TWILIO__API_BASE: provider,
      LANDFALL_TWILIO__ACCOUNTS: JSON.stringify([ACCOUNT]),
      LANDFALL_LIMITS: JSON.stringify({ sids_per_socket: 32 }),
      LANDFALL_RETENTION: JSON.stringify({ days: 30 }),
      LANDFALL_SHUTDOWN_GRACE: '2s',
    };
    const landfall = bin('LANDFALL_BIN', 'landfall');
    const serve = run(landfall, ['serve'], env);
    const server = { base, process: serve, start: () => serve.start(answers(`${base}/readyz`)) };
    await server.start();
    const workers = [];
    for (const port of [firstPort, secondPort]) {
      const worker = run(landfall, ['worker'], { ...env, LANDFALL_METRICS_LISTEN: `127.0.0.1:${port}` });
      await worker.start(answers(`http://127.0.0.1:${port}/readyz`));
      workers.push({ base: `http://127.0.0.1:${port}`, process: worker });
    }

    const targets = [serverPort, firstPort, secondPort].map((port) => `127.0.0.1:${port}`);
    const configuration = {
      global: { scrape_interval: '1s', scrape_timeout: '900ms', evaluation_interval: '2s' },
      rule_files: [resolve('../alerts.yml')],
      scrape_configs: [{ job_name: JOB, static_configs: [{ targets }] }],
    };
    // JSON is YAML.
    await writeFile(join(home, 'prometheus.yml'), JSON.stringify(configuration));
    const prometheus = `http://127.0.0.1:${prometheusPort}`;
    const scraper = run('prometheus', [`--config.file=${home}/prometheus.yml`, `--storage.tsdb.path=${home}/tsdb`, `--web.listen-address=127.0.0.1:${prometheusPort}`]);
    await scraper.start(answers(`${prometheus}/-/ready`));
    return { server, workers, simulator: provider, prometheus, redisPort: redisPort ?? 0, volume, outside: home, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** That many at once: one after the other could be the same. */
async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer();
      await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
      return listener;
    }),
  );
  const ports = listeners.map((listener) => (listener.address() as { port: number }).port);
  await Promise.all(listeners.map((listener) => new Promise((done) => listener.close(done))));
  return ports;
}
