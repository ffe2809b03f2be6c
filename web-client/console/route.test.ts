import { expect, it } from 'vitest';
import { formatRoute, parseRoute } from './route';

const SID = `CA${'0'.repeat(31)}1`;

it('reads a call, a moment and a filter from the address', () => {
  expect(parseRoute(`#/calls/${SID}?t=83&q=%D7%A0%D7%95%D7%A2%D7%94&state=failed`)).toEqual({
    sid: SID,
    at: 83,
    q: 'נועה',
    state: 'failed',
  });
});

it('writes what it reads', () => {
  for (const hash of ['#/', `#/calls/${SID}`, `#/calls/${SID}?t=83`, '#/?q=%2B972&state=ready']) {
    expect(formatRoute(parseRoute(hash))).toBe(hash);
  }
});

it('takes what it does not understand for the list', () => {
  for (const hash of ['', '#', '#/calls/CA1', '#/calls/<script>', '#elsewhere', '#/?state=odd&t=-1']) {
    expect(formatRoute(parseRoute(hash))).toBe('#/');
  }
});
