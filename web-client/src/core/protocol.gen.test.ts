import { expect, it } from 'vitest';
import schema from '../../schema/landfall.json?raw';
// @ts-expect-error: a script, without types
import { generate } from '../../scripts/generate.mjs';
import types from './protocol.gen.ts?raw';

it("the protocol's types are those of the server's schemas (else: npm run generate)", () => {
  expect(types).toBe(generate(JSON.parse(schema)));
});
