/** What a Dockerfile says of the image that one of its targets makes, as far as a start of it needs. Stages it is built on count. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Healthcheck } from './compose.js';

export interface Image {
  entrypoint: string[];
  user: string;
  workdir: string;
  environment: Record<string, string>;
  healthcheck?: Healthcheck;
}

/** The image of that target. */
export function image(build: { context: string; dockerfile: string; target: string }): Image {
  const text = readFileSync(join(build.context, build.dockerfile), 'utf8').replace(/^\s*#.*\n/gm, '').replace(/\\\n/g, ' ');
  const stages = new Map<string, Image>();
  let stage: Image = { entrypoint: [], user: '0:0', workdir: '/', environment: {} };
  for (const line of text.split('\n')) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (word === 'FROM') {
      const [from = '', , name = ''] = rest.split(/\s+/);
      stage = structuredClone(stages.get(from) ?? { entrypoint: [], user: '0:0', workdir: '/', environment: {} });
      stages.set(name, stage);
    } else if (word === 'ENTRYPOINT') stage.entrypoint = JSON.parse(rest) as string[];
    else if (word === 'USER') stage.user = rest;
    else if (word === 'WORKDIR') stage.workdir = rest;
    else if (word === 'ENV') for (const [, key = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) stage.environment[key] = value;
    else if (word === 'HEALTHCHECK') {
      const test = JSON.parse(rest.slice(rest.indexOf('['))) as string[];
      stage.healthcheck = { test: ['CMD', ...test], timeoutMs: Number(/--timeout=(\d+)s/.exec(rest)?.[1]) * 1000 };
    }
  }
  const found = stages.get(build.target);
  if (!found) throw new Error(`${build.dockerfile} has no target ${build.target}`);
  return found;
}
