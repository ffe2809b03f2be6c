/**
 * Makes the protocol's types of the server's schemas: `npm run generate`. A unit test says whether they are still true.
 * Knows as much of JSON Schema as the server's own description uses, and refuses the rest.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const SCHEMA = new URL('../schema/landfall.json', import.meta.url);
const TYPES = new URL('../src/core/protocol.gen.ts', import.meta.url);
/** What the client speaks of; whatever these mention comes along. */
const ROOTS = ['Recording', 'ServerMessage', 'ClientMessage', 'Link', 'LinkOrder', 'Problem'];

/** @param {object} schema */
export function typeOf(schema, seen = new Set()) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1);
    seen.add(name);
    return name;
  }
  const several = (list, by) => list.map((part) => typeOf(part, seen)).join(by);
  if (schema.oneOf) return several(schema.oneOf, '\n  | ');
  if (schema.anyOf) return several(schema.anyOf, '\n  | ');
  if (schema.allOf) return `(${several(schema.allOf, ' & ')})`;
  if (schema.enum) return schema.enum.map((value) => quoted(value)).join(' | ');
  // A member that may be left out is described as null too; the server leaves it out.
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null');
  if (types.length !== 1) throw new Error(`no type for ${JSON.stringify(schema)}`);
  switch (types[0]) {
    case 'string':
      return 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return `(${typeOf(schema.items, seen)})[]`;
    case 'object':
      return objectOf(schema, seen);
    default:
      throw new Error(`no type for ${JSON.stringify(schema)}`);
  }
}

function objectOf({ properties = {}, required = [] }, seen) {
  const members = Object.entries(properties).map(([name, schema]) => {
    const about = schema.description ? `  /** ${comment(schema.description)} */\n` : '';
    return `${about}  ${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema, seen)};\n`;
  });
  return `{\n${members.join('')}}`;
}

const quoted = (value) => (typeof value === 'string' ? `'${value}'` : String(value));
const comment = (text) => text.replaceAll('*/', '* /').replaceAll(/\s*\n\s*/g, ' ');

/** The types, as text. */
export function generate(schemas) {
  const types = new Map();
  const wanted = [...ROOTS];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (types.has(name)) continue;
    const schema = schemas[name];
    if (!schema) throw new Error(`the server describes no ${name}`);
    const seen = new Set();
    const about = schema.description ? `/** ${comment(schema.description)} */\n` : '';
    types.set(name, `${about}export type ${name} = ${typeOf(schema, seen)};\n`);
    wanted.push(...seen);
  }
  const head = '// What goes over the wire, made of the server\'s own description by `npm run generate`. Not to be edited.\n';
  return [head, ...[...types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = generate(JSON.parse(await readFile(SCHEMA, 'utf8')));
  await writeFile(TYPES, text);
}
