import { describe, expect, it } from 'vitest';
import { recording } from '../../src/core/testing';
import { callFrom, callsFrom, DAY_PX, entryAt, layOut, ROW_PX } from './layout';

const call = (n: number, at: Date) => ({ ...recording(n, 1, 'ready'), started_at: at.toISOString() });
const noon = (day: number) => new Date(2026, 2, day, 12);

describe('a laid out list', () => {
  const layout = layOut([call(3, noon(2)), call(2, noon(1)), call(1, noon(1))]);

  it('has a heading before the first call of each day', () => {
    expect(layout.entries.map(({ kind }) => kind)).toEqual(['day', 'call', 'day', 'call', 'call']);
    expect(layout.tops).toEqual([
      0,
      DAY_PX,
      DAY_PX + ROW_PX,
      2 * DAY_PX + ROW_PX,
      2 * DAY_PX + 2 * ROW_PX,
      2 * DAY_PX + 3 * ROW_PX,
    ]);
  });

  it('knows what lies at a height', () => {
    expect([-5, 0, DAY_PX - 1, DAY_PX, DAY_PX + ROW_PX, 1e9].map((y) => entryAt(layout, y))).toEqual([
      0, 0, 0, 1, 2, 4,
    ]);
  });

  it('knows the next call and the one before, past headings', () => {
    expect([callFrom(layout, 2, 1), callFrom(layout, 2, -1), callFrom(layout, 0, -1)]).toEqual([3, 1, undefined]);
    expect([callsFrom(layout, 1, 8), callsFrom(layout, 4, -1), callsFrom(layout, 4, 1)]).toEqual([4, 3, undefined]);
  });
});

it('keeps calls before and after midnight apart', () => {
  const { entries } = layOut([call(2, new Date(2026, 2, 2, 0, 0)), call(1, new Date(2026, 2, 1, 23, 59, 59))]);
  expect(entries.map(({ kind }) => kind)).toEqual(['day', 'call', 'day', 'call']);
});

it('leaves a call without a time where the server put it', () => {
  const { started_at: _, ...undated } = call(2, noon(1));
  expect(layOut([call(3, noon(1)), undated, call(1, noon(1))]).entries).toHaveLength(4);
});

it('of no calls is empty', () => {
  expect(layOut([])).toEqual({ entries: [], tops: [0] });
  expect(entryAt(layOut([]), 10)).toBe(0);
});
