import { expect, it } from 'vitest';
import { bars, parsePeaks, silences } from './peaks';
import { dat } from './testing';

const talk = (slices: number, loud = 0.6) => Array<number>(slices).fill(loud);
const quiet = (slices: number) => Array<number>(slices).fill(0);

it('reads version 2, channel by channel', () => {
  const peaks = parsePeaks(dat([[0.5, 1], [0, 0.25]], 100));
  expect(peaks).toMatchObject({ channels: 2, length: 2, perSecond: 100 });
  expect(peaks.at(0, 1)).toBeCloseTo(1, 1);
  expect(peaks.at(1, 0)).toBe(0);
  expect(peaks.at(1, 1)).toBeCloseTo(0.25, 1);
});

it('reads 16 bits as well as 8', () => {
  const buffer = new ArrayBuffer(28);
  const view = new DataView(buffer);
  [2, 0, 8000, 80, 1, 1].forEach((value, i) => view.setInt32(i * 4, value, true));
  view.setInt16(24, -16384, true);
  view.setInt16(26, 8192, true);
  const peaks = parsePeaks(buffer);
  expect(peaks).toMatchObject({ channels: 1, length: 1, perSecond: 100 });
  expect(peaks.at(0, 0)).toBe(0.5);
});

it('refuses what is none, and believes no length beyond the data', () => {
  expect(() => parsePeaks(new TextEncoder().encode('{"status":"processing","state":"q"}').buffer)).toThrow(RangeError);
  expect(() => parsePeaks(new ArrayBuffer(3))).toThrow(RangeError);
  const cut = dat([talk(100)]).slice(0, 24 + 20);
  expect(parsePeaks(cut).length).toBe(10);
});

it('finds silence where nobody speaks, and leaves a margin', () => {
  const first = [...talk(20), ...quiet(60)];
  const second = [...quiet(40), ...talk(10), ...quiet(30)];
  expect(silences(parsePeaks(dat([first, second])))).toEqual([
    [2.25, 3.75],
    [5.25, 7.75],
  ]);
});

it('takes a breath for talking, and noise for silence', () => {
  expect(silences(parsePeaks(dat([[...talk(20), ...quiet(10), ...talk(20)]])))).toEqual([]);
  expect(silences(parsePeaks(dat([[...talk(20), ...talk(30, 0.03), ...talk(20)]])))).toEqual([[2.25, 4.75]]);
});

it('draws the loudest of each part, as high as the loudest of all', () => {
  const peaks = parsePeaks(dat([[0, 0.25, 0.5, 0], [0, 0, 0, 0]]));
  expect([...bars(peaks, 0, 2)]).toEqual([expect.closeTo(0.5, 1), 1]);
  expect([...bars(peaks, 1, 2)]).toEqual([0, 0]);
  expect(bars(peaks, 0, 8)).toHaveLength(8);
});
