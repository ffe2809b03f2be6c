import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MOST_PLACES, placeOf, rememberedRate, rememberPlace, rememberRate } from './memory';

beforeEach(() => localStorage.clear());
afterEach(() => vi.restoreAllMocks());

it('remembers so many places, and forgets the oldest first', () => {
  for (let i = 0; i <= MOST_PLACES; i++) rememberPlace(`CA${i}`, 30, 240);
  expect(placeOf('CA0')).toBe(0);
  expect(placeOf('CA1')).toBe(30);
  rememberPlace('CA1', 31, 240);
  rememberPlace('another', 30, 240);
  expect(placeOf('CA1')).toBe(31);
  expect(placeOf('CA2')).toBe(0);
});

it('forgets a place near the beginning or the end', () => {
  rememberPlace('CA1', 30, 240);
  rememberPlace('CA1', 239, 240);
  expect(placeOf('CA1')).toBe(0);
  rememberPlace('CA1', 3, 240);
  expect(placeOf('CA1')).toBe(0);
});

it('does not believe what somebody else wrote', () => {
  for (const wrong of ['{', '"fast"', '99', '-1', 'null', '[]']) {
    localStorage.setItem('audioPlaybackRate', wrong);
    expect(rememberedRate()).toBe(1);
    localStorage.setItem('landfallPlaces', wrong);
    expect(placeOf('CA1')).toBe(0);
  }
});

it('does without a storage that is forbidden or full', () => {
  vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => {
    throw new DOMException('no', 'SecurityError');
  });
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  rememberRate(2);
  rememberPlace('CA1', 30, 240);
  expect(rememberedRate()).toBe(1);
});
