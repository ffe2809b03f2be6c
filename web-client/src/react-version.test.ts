import { version } from 'react';
import { version as ofDom } from 'react-dom';
import { expect, inject, it } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    react: string;
  }
}

it('each project tests with the React that it is named after', () => {
  expect([version, ofDom].map((text) => text.split('.')[0])).toEqual([inject('react'), inject('react')]);
});
