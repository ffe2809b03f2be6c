/** All services of compose.yml as containers without an engine: places, names, secrets, volumes; started in the order they ask for. */

import { execFileSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

import { type Compose, read, type Service } from '../compose.js';
import { type Image, image } from '../image.js';
import { type Bind, Container } from './container.js';
import { Networks, type Place } from './network.js';

const ROOT = resolve(import.meta.dirname, '../../../..');
const READY_MS = 90_000;
export const PUBLIC_NAME = 'calls.localhost';
const PROFILES = ['demo'];

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** PostgreSQL's image makes the database at the first start; Debian's package does not. */
const POSTGRES = `set -e
[ -s "$PGDATA/PG_VERSION" ] || initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS >/dev/null
[ -n "$(ls /var/lib/postgresql/data/.made 2>/dev/null)" ] || {
    pg_ctl -w -o "-c listen_addresses=" start
    PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl -w stop
    touch /var/lib/postgresql/data/.made
}
echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
exec postgres -c listen_addresses='*'`;

export class Stage {
  readonly containers = new Map<string, Container[]>();
  private readonly servers: Server[] = [];
  private readonly connections = new Set<Socket>();
  private readonly places = new Map<string, Place[]>();
  readonly addresses = new Map<string, string[]>();
  private readonly services: Record<string, Service>;

  private constructor(private readonly compose: Compose, readonly home: string, private readonly networks: Networks) {
    this.services = Object.fromEntries(Object.entries(compose.services).filter(([, { profiles }]) => profiles.length === 0 || profiles.some((profile) => PROFILES.includes(profile))));
  }

  /** Brings everything up, each service when those that it depends on are ready. */
  static async up(): Promise<Stage> {
    const home = mkdtempSync(join(tmpdir(), 'landfall-topology-'));
    // A copy, since secrets are made beside compose.yml.
    cpSync(join(ROOT, 'compose'), join(home, 'compose'), { recursive: true, filter: (path) => !['check', 'secrets', '.env'].includes(basename(path)) });
    cpSync(join(ROOT, 'Dockerfile'), join(home, 'Dockerfile'));
    for (const name of ['volumes', 'logs', 'files']) mkdirSync(join(home, name));
    execFileSync(join(home, 'compose/secrets.sh'), ['--demo'], { stdio: 'ignore' });
    const compose = read(join(home, 'compose/compose.yml'), { LANDFALL_PUBLIC_URL: `http://${PUBLIC_NAME}`, LANDFALL_TWILIO__API_BASE: 'http://simulator:9080' });
    const stage = new Stage(compose, home, new Networks(compose));
    try {
      await stage.open();
      for (const name of Object.keys(stage.services)) await stage.startWhenItMay(name);
      return stage;
    } catch (error) {
      await stage.down();
      throw error;
    }
  }

  /** Those of a service, in the order of their numbers. */
  all(name: string): Container[] {
    return this.containers.get(name) ?? [];
  }

  one(name: string): Container {
    const [container] = this.all(name);
    if (!container) throw new Error(`no ${name}`);
    return container;
  }

  /** Until its health check says so. */
  async healthy(name: string): Promise<void> {
    for (const container of this.all(name)) {
      const health = this.services[name]?.healthcheck ?? this.imageOf(name)?.healthcheck;
      if (!health) continue;
      const argv = health.test[0] === 'CMD-SHELL' ? ['sh', '-c', health.test[1] ?? ''] : health.test.slice(1);
      const deadline = Date.now() + READY_MS;
      for (let last = 'nothing'; ; await sleep(300)) {
        if (!container.isRunning() || Date.now() > deadline) throw new Error(`${container.plan.name} does not become healthy: ${last}\n${container.output().slice(-3000)}`);
        try {
          const said = await container.exec(argv, health.timeoutMs);
          if (said.status === 0) break;
          last = said.output;
        } catch (error) {
          last = String(error);
        }
      }
    }
  }

  async down(): Promise<void> {
    for (const server of this.servers) server.close();
    for (const connection of this.connections) connection.destroy();
    for (const container of [...this.containers.values()].flat()) if (container.isRunning()) container.signal('SIGKILL');
    await Promise.all([...this.containers.values()].flat().map((container) => container.end()));
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Places and names of all, and the ways in from outside. */
  private async open(): Promise<void> {
    for (const [name, service] of Object.entries(this.services)) {
      const numbers = Array.from({ length: service.replicas }, (_, index) => index + 1);
      const places = numbers.map((number) => this.networks.place(`${name}-${number}`, service.networks));
      this.places.set(name, places);
      this.addresses.set(name, places.flatMap(({ addresses }) => Object.values(addresses).slice(0, 1)));
      for (const published of service.ports) {
        const [host = '', port, inside] = published.split(':');
        await this.forward(Number(port), host, this.addresses.get(name)?.[0] ?? '', Number(inside));
      }
    }
    // The proxy that has the public name, and leads to the published port.
    await this.forward(80, '0.0.0.0', '127.0.0.1', 8080);
    const hosts = join(this.home, 'files/hosts');
    writeFileSync(hosts, `127.0.0.1 localhost ${PUBLIC_NAME}\n`);
    execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
  }

  private async startWhenItMay(name: string): Promise<void> {
    if (this.containers.has(name)) return;
    const service = this.services[name];
    if (!service) throw new Error(`no service ${name}`);
    for (const [other, condition] of Object.entries(service.dependsOn)) {
      await this.startWhenItMay(other);
      if (condition === 'service_healthy') await this.healthy(other);
      else {
        const status = await this.one(other).end();
        if (status !== 0) throw new Error(`${other} has failed (${status}): ${this.one(other).output()}`);
      }
    }
    const places = this.places.get(name) ?? [];
    const containers = places.map((place, index) => this.container(name, service, place, places.length > 1 ? `${name}-${index + 1}` : name));
    this.containers.set(name, containers);
    for (const container of containers) container.start();
  }

  private container(name: string, service: Service, place: Place, called: string): Container {
    const made = this.imageOf(name);
    const file = (kind: string, text: string) => {
      const path = join(this.home, 'files', `${called}.${kind}`);
      writeFileSync(path, text);
      return path;
    };
    const users = 'root:x:0:0::/:/bin/sh\nnginx:x:101:101::/:/bin/sh\npostgres:x:999:999::/:/bin/sh\nlandfall:x:10001:10001::/app:/bin/sh\n';
    const binds: Bind[] = [
      { source: file('hosts', this.hosts(service, place, called)), target: '/etc/hosts', readOnly: true },
      { source: file('passwd', users), target: '/etc/passwd', readOnly: true },
      ...this.program(service),
      ...service.mounts.map(({ source, target, kind, readOnly }) => ({ source: kind === 'bind' ? source : this.volume(source), target, readOnly })),
      ...service.secrets.map((secret) => ({ source: this.compose.secrets[secret] ?? '', target: `/run/secrets/${secret}`, readOnly: true })),
    ];
    const versions = readdirSync('/usr/lib/postgresql').sort().reverse();
    const isPostgres = service.image.startsWith('postgres:');
    const environment = {
      PATH: `/usr/lib/postgresql/${versions[0]}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      ...(isPostgres && { PGDATA: '/var/lib/postgresql/data/cluster' }),
      ...made?.environment,
      ...service.environment,
    };
    const argv = isPostgres ? ['sh', '-c', POSTGRES] : [...(service.entrypoint ?? made?.entrypoint ?? []), ...(service.command ?? [])];
    return new Container({
      name: called,
      hostname: service.hostname ?? called,
      namespace: place.namespace,
      service,
      user: service.user ?? made?.user ?? '0:0',
      workdir: made?.workdir ?? '/',
      environment,
      argv,
      binds,
      log: join(this.home, 'logs', called),
    });
  }

  /** The image that Dockerfile makes, where it is ours: of whichever service says how to build it. */
  private imageOf(name: string): Image | undefined {
    const wanted = this.services[name]?.image;
    const build = Object.values(this.services).find(({ image, build }) => image === wanted && build)?.build;
    return build && image(build);
  }

  private program({ image }: Service): Bind[] {
    const [variable, name] = image.startsWith('landfall-simulator:') ? ['TWILIO_SIM_BIN', 'twilio-sim'] : ['LANDFALL_BIN', 'landfall'];
    if (!image.startsWith('landfall')) return [];
    return [
      { source: resolve(process.env[variable] ?? join(ROOT, 'target/debug', name)), target: `/usr/local/bin/${name}`, readOnly: true },
      // WORKDIR makes it.
      { source: this.directory('app'), target: '/app', readOnly: false },
    ];
  }

  /** Made with the owner that an engine gives it: that of the image's directory. PostgreSQL's is its own; ours is left to root, so that init is needed. */
  private volume(name: string): string {
    const path = this.directory(`volumes/${name}`);
    if (name === 'postgres_data') chownSync(path, 999, 999);
    return path;
  }

  private directory(name: string): string {
    const path = join(this.home, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Who can be called by name from there: whoever is in one of its networks. */
  private hosts(service: Service, place: Place, called: string): string {
    const lines = ['127.0.0.1 localhost', ...Object.values(place.addresses).map((address) => `${address} ${called}`)];
    for (const [name, places] of this.places)
      for (const other of places) {
        const shared = Object.keys(place.addresses).find((network) => other.addresses[network]);
        // What extra_hosts says is asked before the engine's names.
        if (shared && !service.extraHosts[name]) lines.push(`${other.addresses[shared]} ${name}`);
      }
    for (const [name, address] of Object.entries(service.extraHosts)) lines.push(`${address} ${name}`);
    const open = Object.keys(place.addresses).find((network) => !this.compose.networks[network]?.internal);
    if (open) lines.push(`${this.networks.gateway(open)} ${PUBLIC_NAME}`);
    return `${lines.join('\n')}\n`;
  }

  private async forward(port: number, host: string, to: string, toPort: number): Promise<void> {
    const server = createServer((near) => {
      const far = connect(toPort, to);
      near.pipe(far).pipe(near);
      this.connections.add(near.on('close', () => this.connections.delete(near)));
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    await new Promise<void>((done, failed) => server.once('error', failed).listen(port, host, done));
    this.servers.push(server);
  }
}
