import { beforeEach, expect, it } from 'vitest';
import { formatRoute, go, goToList, parseRoute } from './route';

beforeEach(() => history.replaceState(null, '', '/'));

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

it('leaves a call by the way it was entered', async () => {
  const before = history.length;
  go({ sid: SID });
  go({ sid: SID, q: 'noa' }, { replace: true });
  expect(location.hash).toBe(`#/calls/${SID}?q=noa`);
  goToList();
  await new Promise((resolve) => window.addEventListener('popstate', resolve, { once: true }));
  expect([location.hash, history.length]).toEqual(['', before + 1]);
});

it('leaves a call that was opened by its address for the list, in its place', () => {
  location.hash = `#/calls/${SID}`;
  const before = history.length;
  goToList();
  expect([location.hash, history.length]).toEqual(['#/', before]);
});
