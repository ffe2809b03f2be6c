/** compose.yml as the engine would read it, as far as it is used here: variables filled in, anchors merged, short forms spelt out. */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { parse } from 'yaml';

export interface Mount {
  /** A volume's name, or a path on this machine. */
  source: string;
  target: string;
  kind: 'volume' | 'bind';
  readOnly: boolean;
}

export interface Healthcheck {
  test: string[];
  timeoutMs: number;
}

export interface Service {
  image: string;
  build?: { context: string; dockerfile: string; target: string };
  user?: string;
  command?: string[];
  entrypoint?: string[];
  hostname?: string;
  environment: Record<string, string>;
  mounts: Mount[];
  tmpfs: string[];
  secrets: string[];
  /** Per network, the address that is asked for. */
  networks: Record<string, string | undefined>;
  extraHosts: Record<string, string>;
  dependsOn: Record<string, string>;
  ports: string[];
  profiles: string[];
  replicas: number;
  readOnly: boolean;
  capDrop: string[];
  capAdd: string[];
  securityOpt: string[];
  limits: Record<string, unknown>;
  /** Open files at the most, where that is said. */
  nofile?: number;
  logging: Record<string, unknown>;
  healthcheck?: Healthcheck;
}

export interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { subnet?: string; gateway?: string; internal: boolean }>;
  volumes: string[];
  /** Paths by name. */
  secrets: Record<string, string>;
}

/** What YAML gives. */
type Raw = Record<string, any>;

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const table = (value: unknown): Raw => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Raw) : {});

/** `${NAME}`, `${NAME:-default}` and `${NAME:?why}`, as compose fills them in. */
export function interpolate(text: string, variables: Record<string, string>): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, how: string | undefined, more: string | undefined) => {
    const value = variables[name];
    if (value) return value;
    if (how === '?') throw new Error(`${name} is not set: ${more}`);
    return more ?? '';
  });
}

/** The file at that path, under these variables. */
export function read(path: string, variables: Record<string, string>): Compose {
  return understand(parse(interpolate(readFileSync(path, 'utf8'), variables), { merge: true }) as Raw, dirname(path));
}

/** The same, from what has been parsed; paths are relative to that directory. */
export function understand(raw: Raw, directory: string): Compose {
  const services = Object.entries(table(raw['services'])).map(([name, service]) => [name, understood(service, directory)] as const);
  const networks = Object.entries(table(raw['networks'])).map(([name, network]) => {
    const config = table(table(table(network)['ipam'])['config']?.[0]);
    return [name, { subnet: config['subnet'], gateway: config['gateway'], internal: table(network)['internal'] === true }] as const;
  });
  const secrets = Object.entries(table(raw['secrets'])).map(([name, secret]) => [name, resolve(directory, String(table(secret)['file']))] as const);
  return {
    services: Object.fromEntries(services),
    networks: Object.fromEntries(networks),
    volumes: Object.keys(table(raw['volumes'])),
    secrets: Object.fromEntries(secrets),
  };
}

function understood(raw: Raw, directory: string): Service {
  const networks = Array.isArray(raw['networks'])
    ? Object.fromEntries(list(raw['networks']).map((name) => [name, undefined]))
    : Object.fromEntries(Object.entries(table(raw['networks'])).map(([name, network]) => [name, table(network)['ipv4_address'] as string | undefined]));
  const extraHosts = list(raw['extra_hosts']).map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]);
  const dependsOn = Object.entries(table(raw['depends_on'])).map(([name, on]) => [name, String(table(on)['condition'])]);
  const environment = Object.entries(table(raw['environment'])).map(([name, value]) => [name, String(value ?? '')]);
  const resources = table(table(raw['deploy'])['resources']);
  const health = table(raw['healthcheck']);
  const build = table(raw['build']);
  return {
    image: String(raw['image'] ?? ''),
    ...(raw['build'] && { build: { context: resolve(directory, String(build['context'])), dockerfile: String(build['dockerfile']), target: String(build['target']) } }),
    ...(raw['user'] && { user: String(raw['user']) }),
    ...(raw['command'] && { command: list(raw['command']) }),
    ...(raw['entrypoint'] && { entrypoint: list(raw['entrypoint']) }),
    ...(raw['hostname'] && { hostname: String(raw['hostname']) }),
    ...(raw['healthcheck'] && { healthcheck: { test: list(health['test']), timeoutMs: Number.parseFloat(String(health['timeout'])) * 1000 } }),
    ...(raw['ulimits'] && { nofile: Number(table(table(raw['ulimits'])['nofile'])['hard']) }),
    environment: Object.fromEntries(environment),
    mounts: list(raw['volumes']).map((short) => mount(short, directory)),
    tmpfs: list(raw['tmpfs']),
    secrets: list(raw['secrets']),
    networks,
    extraHosts: Object.fromEntries(extraHosts),
    dependsOn: Object.fromEntries(dependsOn),
    ports: list(raw['ports']),
    profiles: list(raw['profiles']),
    replicas: Number(table(raw['deploy'])['replicas'] ?? 1),
    readOnly: raw['read_only'] === true,
    capDrop: list(raw['cap_drop']),
    capAdd: list(raw['cap_add']),
    securityOpt: list(raw['security_opt']),
    limits: table(resources['limits']),
    logging: table(table(raw['logging'])['options']),
  };
}

function mount(short: string, directory: string): Mount {
  const [source = '', target = '', mode] = short.split(':');
  const isPath = source.startsWith('.') || source.startsWith('/');
  return { source: isPath ? resolve(directory, source) : source, target, kind: isPath ? 'bind' : 'volume', readOnly: mode === 'ro' };
}
