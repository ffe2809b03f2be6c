/** Builds the library: `npm run build:lib`. What Vite does not: declarations that Node's resolution finds, and the styles. */

import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';

const TYPES = 'lib/types';

const run = (...command) => execFileSync('npx', ['--no-install', ...command], { stdio: 'inherit' });
const exists = (path) => stat(path).then(() => true, () => false);

run('vite', 'build', '--config', 'vite.lib.config.ts', '--logLevel', 'warn');
run('tsc', '--project', 'tsconfig.lib.json');

// Sources name each other as bundlers do, without an ending; declarations are read by Node's rules too.
for (const name of await readdir(TYPES, { recursive: true })) {
  if (!name.endsWith('.d.ts')) continue;
  const path = join(TYPES, name);
  const text = await readFile(path, 'utf8');
  const found = new Map();
  for (const [, specifier] of text.matchAll(/['"](\.{1,2}(?:\/[^'"]*)?)['"]/g)) {
    const target = join(dirname(path), specifier);
    if (await exists(`${target}.d.ts`)) found.set(specifier, `${specifier}.js`);
    else if (await exists(join(target, 'index.d.ts'))) found.set(specifier, `${specifier}/index.js`);
  }
  const written = text.replace(/(['"])(\.{1,2}(?:\/[^'"]*)?)\1/g, (all, quote, specifier) =>
    found.has(specifier) ? quote + found.get(specifier) + quote : all,
  );
  await writeFile(path, written);
}

await copyFile('src/styles.css', 'lib/styles.css');
