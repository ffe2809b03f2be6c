/**
 * One container without an engine: namespaces of its own for network, mounts, processes and host name, this machine's programs as
 * its image, a root that can only be read, its user and its capabilities. No cgroup: limits of memory and CPU are not in force.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';

import type { Service } from '../compose.js';

/** What is mounted where, in order. */
export interface Bind {
  source: string;
  target: string;
  readOnly: boolean;
}

export interface Plan {
  name: string;
  hostname: string;
  namespace: string;
  service: Service;
  user: string;
  workdir: string;
  environment: Record<string, string>;
  argv: string[];
  binds: Bind[];
  /** Where its output goes. */
  log: string;
}

/** Not part of any image: where this machine keeps what is its own, this repository included. */
const HIDDEN = new Set(['/root', '/home', '/srv', `/${import.meta.dirname.split('/')[1]}`]);

export class Container {
  private child: ChildProcess | undefined;
  private ended: Promise<number | null> = Promise.resolve(null);

  constructor(readonly plan: Plan) {}

  /** Starts it; it may take a moment until it is ready. */
  start(): void {
    const log = openSync(this.plan.log, 'a');
    const [uid = 0, gid = 0] = this.plan.user.split(':').map(Number);
    // As an engine does: who is not root opens /dev/stdout, too.
    chownSync(this.plan.log, uid, gid);
    const inside = ['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child', 'bash', '-c', this.setup(), 'setup', ...this.command(this.plan.argv)];
    const child = spawn('nsenter', [`--net=/run/netns/${this.plan.namespace}`, ...inside], { stdio: ['ignore', log, log], env: { PATH: process.env['PATH'] ?? '' } });
    closeSync(log);
    this.child = child;
    this.ended = new Promise((done) => child.once('exit', (code) => done(code)));
  }

  /** Its exit status, when it has ended. */
  async end(): Promise<number | null> {
    return await this.ended;
  }

  isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid(), signal);
  }

  /** The process that is number one inside, as it is called outside. */
  pid(): number {
    const outer = this.child?.pid;
    const [pid] = readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ').map(Number);
    if (!pid) throw new Error(`${this.plan.name} has no process\n${this.output()}`);
    return pid;
  }

  /** What `exec` would give: the same mounts, user and environment. */
  async exec(argv: string[], timeoutMs = 20_000): Promise<{ status: number; output: string }> {
    const into = ['-t', `${this.pid()}`, '--mount', '--uts', '--net', '--pid', '--root', '--wd=/', '--'];
    // Without `chroot`: it is entered with the mounts.
    const inside = this.command(argv).slice(2);
    return await new Promise((done) => {
      const child = execFile('nsenter', [...into, ...inside], { timeout: timeoutMs }, (_, stdout, stderr) => done({ status: child.exitCode ?? -1, output: `${stdout}${stderr}` }));
    });
  }

  output(): string {
    return existsSync(this.plan.log) ? readFileSync(this.plan.log, 'utf8') : '';
  }

  /** Into the root, and down to the user: the last steps before the program itself. */
  private command(argv: string[]): string[] {
    const { user, service, environment, workdir, name } = this.plan;
    const [uid, gid] = user.split(':');
    const capabilities = ['-all', ...service.capAdd.map((capability) => `+${capability.toLowerCase()}`)].join(',');
    const down = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', `--bounding-set=${capabilities}`, `--inh-caps=${capabilities}`, '--no-new-privs'];
    const variables = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
    return ['chroot', root(name), ...down, 'env', '-i', `--chdir=${workdir}`, ...variables, ...argv];
  }

  private setup(): string {
    const { name, hostname, service, binds } = this.plan;
    const at = root(name);
    const home = at.replace(/\/root$/, '');
    const mounts = binds.map(({ source, target, readOnly }) => {
      const make = `if [ -d ${source} ]; then mkdir -p "$to"; else mkdir -p "$(dirname "$to")"; [ -e "$to" ] || touch "$to"; fi`;
      return `to=$(inside ${target}); ${make}; mount --bind ${source} "$to"${readOnly ? '; mount -o remount,bind,ro "$to"' : ''}`;
    });
    const temporary = service.tmpfs.map((line) => {
      const [path, options = ''] = line.split(/:(.*)/s);
      return `to=$(inside ${path}); mkdir -p "$to"; mount -t tmpfs -o nosuid,nodev,${options} tmpfs "$to"`;
    });
    return [
      'set -e',
      // Links lead where they lead inside: /var/run is one.
      `inside() { echo "${at}$(chroot ${at} realpath -m "$1")"; }`,
      `mkdir -p ${home}; mount -t tmpfs tmpfs ${home}; mkdir ${home}/upper ${home}/work ${at}`,
      `mount -t overlay overlay -o lowerdir=/,upperdir=${home}/upper,workdir=${home}/work ${at}`,
      `mount -t proc proc ${at}/proc; mount --rbind /dev ${at}/dev; mount --rbind /sys ${at}/sys; mount -t tmpfs -o mode=755 tmpfs ${at}/run`,
      ...[...HIDDEN].map((path) => `if [ -d ${at}${path} ]; then mount -t tmpfs -o ro tmpfs ${at}${path}; fi`),
      ...temporary,
      ...mounts,
      service.readOnly ? `mount -o remount,ro ${at}` : ':',
      `hostname ${hostname}`,
      // As many as this machine lets us, where that is less.
      service.nofile ? `ulimit -n ${service.nofile} 2>/dev/null || ulimit -n "$(ulimit -Hn)"` : ':',
      'exec "$@"',
    ].join('\n');
  }
}

const root = (name: string): string => `/run/landfall/${name}/root`;
