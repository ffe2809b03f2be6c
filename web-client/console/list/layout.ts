/** Where each call and each day's heading lies in a list too long to be drawn whole. Pure measures, no DOM. */

import type { Recording } from '../../src/core';

export const ROW_PX = 68;
export const DAY_PX = 38;

export type Entry = { kind: 'day'; key: string; time: string } | { kind: 'call'; key: string; recording: Recording };

export interface Layout {
  readonly entries: readonly Entry[];
  /** Pixels from the top, one for each entry and one for the end. */
  readonly tops: readonly number[];
}

/** Calls under the days, of the reader's time zone, that they were made on. */
export function layOut(calls: readonly Recording[]): Layout {
  const entries: Entry[] = [];
  const tops: number[] = [];
  let top = 0;
  // Most calls are of the same day as the one before: only a new day asks the calendar.
  let [begin, end] = [0, 0];
  for (const recording of calls) {
    const { started_at } = recording;
    const at = started_at === undefined ? NaN : Date.parse(started_at);
    if (at < begin || at >= end) {
      [begin, end] = dayAround(at);
      entries.push({ kind: 'day', key: `day ${begin}`, time: started_at! });
      tops.push(top);
      top += DAY_PX;
    }
    entries.push({ kind: 'call', key: recording.sid, recording });
    tops.push(top);
    top += ROW_PX;
  }
  tops.push(top);
  return { entries, tops };
}

function dayAround(at: number): [number, number] {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  const begin = day.getTime();
  day.setDate(day.getDate() + 1);
  return [begin, day.getTime()];
}

/** The entry at a height; the last one below the end. */
export function entryAt({ entries, tops }: Layout, y: number): number {
  let [low, high] = [0, entries.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle]! <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** The nearest call from an entry on, in steps of 1 or -1. */
export function callFrom({ entries }: Layout, index: number, step: 1 | -1): number | undefined {
  for (let at = index; at >= 0 && at < entries.length; at += step) {
    if (entries[at]!.kind === 'call') return at;
  }
  return undefined;
}

/** So many calls further, or as far as there are any; backwards when negative. */
export function callsFrom(layout: Layout, index: number, count: number): number | undefined {
  let at: number | undefined;
  for (let n = 0, next: number | undefined = index; n < Math.abs(count) && next !== undefined; n++) {
    next = callFrom(layout, next + Math.sign(count), count < 0 ? -1 : 1);
    at = next ?? at;
  }
  return at;
}

/** The heading that an entry stands under. */
export function dayOf({ entries }: Layout, index: number): { time: string } | undefined {
  for (let at = index; at >= 0; at--) {
    const entry = entries[at];
    if (entry?.kind === 'day') return entry;
  }
  return undefined;
}
