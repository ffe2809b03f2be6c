/** compose/ keeps to the rules, and each rule notices when it is broken. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

import { type Compose, interpolate, read } from './compose.js';
import { image } from './image.js';
import { configurationKeys, faults, isLandfall } from './rules.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const KEYS = configurationKeys(readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8'));
const production = (): Compose => read(join(ROOT, 'compose/compose.yml'), { LANDFALL_PUBLIC_URL: 'https://calls.example.com' });

/** The faults after that change, and the service it is made to. */
function after(name: string, change: (service: Compose['services'][string], compose: Compose) => void): string[] {
  const compose = production();
  const service = compose.services[name];
  assert.ok(service, name);
  change(service, compose);
  return faults(compose, KEYS);
}

test('the production file keeps to every rule', () => {
  assert.deepEqual(faults(production(), KEYS), []);
});

test('the demo keeps to every rule', () => {
  assert.deepEqual(faults(read(join(ROOT, 'compose/compose.dev.yml'), {}), KEYS), []);
});

test('servers, workers and init are there, and all of them mount the volume', () => {
  const mounting = Object.entries(production().services).filter(([, { mounts }]) => mounts.some(({ source }) => source === 'recordings_data'));
  assert.deepEqual(mounting.map(([name]) => name).sort(), ['api', 'calls', 'init', 'worker']);
  assert.deepEqual(Object.entries(production().services).filter(([, service]) => isLandfall(service)).map(([name]) => name).sort(), ['api', 'calls', 'init', 'worker']);
});

for (const name of ['calls', 'api', 'worker', 'init']) {
  test(`${name} without the volume is a fault`, () => {
    const found = after(name, (service) => (service.mounts = service.mounts.filter(({ source }) => source !== 'recordings_data')));
    assert.deepEqual(found, [`${name}: does not mount recordings_data: what workers land is not where servers look`]);
  });
  test(`${name} with the volume elsewhere is a fault`, () => {
    const found = after(name, (service) => service.mounts.forEach((mount) => mount.source === 'recordings_data' && (mount.target = '/data')));
    assert.deepEqual(found, [`${name}: mounts recordings_data at /data, the others at /app/server/recordings`]);
  });
}

const BROKEN: [string, string, Parameters<typeof after>[1], RegExp][] = [
  ['a configured path that is not the volume', 'worker', (s) => (s.environment['LANDFALL_VOLUME'] = '/data'), /LANDFALL_VOLUME is \/data/],
  ['a secret in the environment', 'calls', (s) => (s.environment['LANDFALL_AUTH__JWT_SECRET'] = 'x'.repeat(32)), /stands in the environment/],
  ['a secret that is not handed to the service', 'calls', (s) => (s.secrets = s.secrets.filter((name) => name !== 'redis_url')), /none of its secrets/],
  ['a secret that nobody declares', 'redis', (_, compose) => delete compose.secrets['redis_users'], /not declared/],
  ['an image without a version', 'redis', (s) => (s.image = 'redis:alpine'), /not pinned/],
  ['a root that can be written', 'api', (s) => (s.readOnly = false), /can be written/],
  ['capabilities', 'nginx', (s) => (s.capDrop = []), /keeps capabilities/],
  ['root', 'nginx', (s) => (s.user = '0:0'), /runs as root/],
  ['a port that is open to others', 'nginx', (s) => (s.ports = ['8080:8080']), /open to other machines/],
  ['a service without a bound on memory', 'worker', (s) => delete s.limits['memory'], /no limit of memory/],
  ['a log without an end', 'worker', (s) => delete s.logging['max-size'], /grows without end/],
  ['a variable that Landfall does not know', 'api', (s) => (s.environment['LANDFALL_VOLUMES'] = '/x'), /no key/],
];
for (const [what, name, change, fault] of BROKEN) {
  test(`${what} is a fault`, () => {
    const found = after(name, change);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', fault);
  });
}

test('who needs others waits until they are ready, and each of those says when it is', () => {
  const { services } = production();
  for (const [name, service] of Object.entries(services))
    for (const [other, condition] of Object.entries(service.dependsOn)) {
      const needed = services[other];
      assert.ok(needed, `${name} depends on ${other}`);
      if (condition === 'service_completed_successfully') assert.equal(other, 'init');
      else {
        assert.equal(condition, 'service_healthy', `${name}: ${other}`);
        assert.ok(needed.healthcheck || isLandfall(needed), `${other} has a health check`);
      }
    }
});

test('the image runs as its own user, and its health is what `landfall health` says', () => {
  const { services } = production();
  const made = image(services['init']!.build!);
  assert.deepEqual(made.healthcheck?.test, ['CMD', '/usr/local/bin/landfall', 'health']);
  assert.equal(made.user, '10001:10001');
  for (const name of ['calls', 'api', 'worker']) assert.equal(services[name]?.user, made.user, name);
  const twice = Object.keys(made.environment).filter((name) => KEYS.has(`${name}_FILE`));
  assert.deepEqual(twice, [], 'no key stands in the image that may come by file: both would be a fault');
  assert.ok(services['init']?.entrypoint?.includes('10001:10001'), 'init gives the volume to that user');
});

test('what is mounted from this repository is there, each dashboard among it', () => {
  const { services } = production();
  for (const [name, { mounts }] of Object.entries(services))
    for (const { source, kind } of mounts) if (kind === 'bind') assert.ok(statSync(source), `${name}: ${source}`);
  const shown = services['grafana']?.mounts.map(({ source }) => source) ?? [];
  for (const file of readdirSync(join(ROOT, 'dashboards')).filter((file) => file.endsWith('.json'))) assert.ok(shown.includes(join(ROOT, 'dashboards', file)), file);
  const [datasource] = [readFileSync(join(ROOT, 'compose/grafana/provisioning/datasources/landfall.yml'), 'utf8')];
  assert.match(datasource, /uid: landfall-prometheus/);
});

test('every variable of the file is in .env.example', () => {
  const used = [...readFileSync(join(ROOT, 'compose/compose.yml'), 'utf8').matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name);
  const example = readFileSync(join(ROOT, 'compose/.env.example'), 'utf8');
  for (const name of new Set(used)) assert.match(example, new RegExp(`^#?${name}=`, 'm'));
});

test('a required variable that is missing is named', () => {
  assert.throws(() => read(join(ROOT, 'compose/compose.yml'), {}), /LANDFALL_PUBLIC_URL is not set/);
  assert.equal(interpolate('${A:-b}c${D}', { D: 'e' }), 'bce');
});

test('what the image is built from is a whole workspace', () => {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const copied = [...text.matchAll(/^COPY (?!--from)(?!web-client)(.+) \S+$/gm)].flatMap(([, names = '']) => names.split(' '));
  assert.ok(copied.includes('src'), copied.join());
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8');
  const context = mkdtempSync(join(tmpdir(), 'landfall-context-'));
  try {
    for (const name of copied) {
      assert.match(ignored, new RegExp(`^!${name.replace('.', '\\.')}$`, 'm'), `${name} is let through by .dockerignore`);
      cpSync(join(ROOT, name), join(context, name), { recursive: true });
    }
    execFileSync('cargo', ['metadata', '--locked', '--offline', '--no-deps', '--format-version', '1'], { cwd: context, stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(context, { recursive: true });
  }
});
