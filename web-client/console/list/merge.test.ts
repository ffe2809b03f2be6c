import { expect, it } from 'vitest';
import { recording } from '../../src/core/testing';
import { merge } from './merge';

const list = (ns: number[], cursor?: string) => ({ items: ns.map((n) => recording(n, 1, 'ready')), cursor });
const shown = ({ items, cursor }: ReturnType<typeof list>) => [
  items.map(({ sid }) => parseInt(sid.slice(2), 16)),
  cursor,
];

it('puts new calls on top and keeps the pages below', () => {
  expect(shown(merge(list([5, 4, 3, 2, 1], 'c1'), list([7, 6, 5], 'c5')))).toEqual([[7, 6, 5, 4, 3, 2, 1], 'c1']);
});

it('drops what has left the first page', () => {
  expect(shown(merge(list([5, 4, 3, 2], 'c2'), list([5, 3], 'c3')))).toEqual([[5, 3, 2], 'c2']);
});

it('begins again when more has come than a page holds', () => {
  expect(shown(merge(list([3, 2, 1], 'c1'), list([9, 8, 7], 'c7')))).toEqual([[9, 8, 7], 'c7']);
});

it('is the page itself when that is the whole list', () => {
  expect(shown(merge(list([3, 2, 1]), list([2])))).toEqual([[2], undefined]);
});

it('of an empty page that is not the last begins again there', () => {
  expect(shown(merge(list([3, 2], 'c2'), list([], 'c9')))).toEqual([[], 'c9']);
});

it('is the very same list when nothing has come or gone', () => {
  const paged = list([5, 4, 3, 2], 'c2');
  expect(merge(paged, list([5, 4, 3], 'c3'))).toBe(paged);
  const ended = list([2, 1]);
  expect(merge(ended, list([2, 1]))).toBe(ended);
  expect(shown(merge(list([3, 2, 1], 'c1'), list([3, 2])))).toEqual([[3, 2], undefined]);
});
