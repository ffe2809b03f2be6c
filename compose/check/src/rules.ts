/** What must hold for a compose file of Landfall's: each fault is one line that names the service. Knows files alone, no engine. */

import type { Compose, Service } from './compose.js';

/** Where servers and workers look for recordings, and the volume that must be there. */
const RECORDINGS = { volume: 'recordings_data', path: '/app/server/recordings' };
const SECRET = /SECRET|PASSWORD|TOKEN|ACCOUNTS|DATABASE_URL|REDIS_URL/;

/** What runs `landfall`: by its image, whatever the service is called. */
export const isLandfall = (service: Service): boolean => /^landfall:/.test(service.image);

/** `keys` are the variables that docs/configuration.md knows, those of secrets with their `_FILE` too. */
export function faults(compose: Compose, keys: Set<string>): string[] {
  return Object.entries(compose.services).flatMap(([name, service]) =>
    [...volume(service), ...secrets(service, compose), ...rights(service), ...bounds(service), ...reach(service), ...variables(service, keys)].map((fault) => `${name}: ${fault}`),
  );
}

function* volume(service: Service): Iterable<string> {
  const at = service.mounts.find(({ source }) => source === RECORDINGS.volume);
  if (isLandfall(service) && !at) yield `does not mount ${RECORDINGS.volume}: what workers land is not where servers look`;
  if (at && at.target !== RECORDINGS.path) yield `mounts ${RECORDINGS.volume} at ${at.target}, the others at ${RECORDINGS.path}`;
  if (at?.readOnly) yield `mounts ${RECORDINGS.volume} for reading only`;
  const configured = service.environment['LANDFALL_VOLUME'];
  if (configured !== undefined && configured !== RECORDINGS.path) yield `LANDFALL_VOLUME is ${configured}, and the volume at ${RECORDINGS.path}`;
}

function* secrets(service: Service, compose: Compose): Iterable<string> {
  for (const [name, value] of Object.entries(service.environment)) {
    const isFile = name.endsWith('_FILE');
    const inSqlite = value.startsWith('sqlite:');
    if (!isFile && !inSqlite && SECRET.test(name) && value !== '') yield `${name} stands in the environment: take ${name}_FILE`;
    if (isFile && !service.secrets.some((secret) => value === `/run/secrets/${secret}`)) yield `${name} names ${value}, which none of its secrets is`;
  }
  for (const secret of service.secrets) if (!compose.secrets[secret]) yield `the secret ${secret} is not declared`;
}

function* rights(service: Service): Iterable<string> {
  if (!/:v?\d+\.\d+(\.\d+)?(-[\w.]+)?$|@sha256:/.test(service.image)) yield `${service.image} is not pinned to a version`;
  if (!service.readOnly) yield 'its root can be written (read_only)';
  if (!service.capDrop.includes('ALL')) yield 'it keeps capabilities (cap_drop: [ALL])';
  if (!service.securityOpt.includes('no-new-privileges:true')) yield 'it may gain privileges (no-new-privileges)';
  if (!service.user) yield 'its user is left to the image';
  if (service.user?.startsWith('0') && service.entrypoint === undefined) yield 'it runs as root';
  if (service.capAdd.length > 0 && service.user !== '0:0') yield 'capabilities for a user other than root do nothing';
}

function* bounds(service: Service): Iterable<string> {
  for (const limit of ['cpus', 'memory', 'pids']) if (service.limits[limit] === undefined) yield `no limit of ${limit}`;
  for (const option of ['max-size', 'max-file']) if (service.logging[option] === undefined) yield `its log grows without end (${option})`;
}

function* reach(service: Service): Iterable<string> {
  for (const port of service.ports) if (!port.startsWith('127.0.0.1:')) yield `${port} is open to other machines`;
}

function* variables(service: Service, keys: Set<string>): Iterable<string> {
  for (const name of Object.keys(service.environment)) if (name.startsWith('LANDFALL_') && !keys.has(name)) yield `${name} is no key of Landfall's configuration`;
}

/** The variables of the tables in docs/configuration.md. */
export function configurationKeys(text: string): Set<string> {
  const rows = text.matchAll(/^\| `[\w.]+`( †)? \|.*?`(LANDFALL_\w+)` \|/gm);
  return new Set([...rows].flatMap(([, secret, name = '']) => (secret ? [name, `${name}_FILE`] : [name])));
}
