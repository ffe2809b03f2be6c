import { expect, it } from 'vitest';
import type { PlayerState } from '../playback';
import { bytes, clock, detailText, en, he, nameOf, sidesOf, spoken, statusText } from '.';

const state = (more: Partial<PlayerState>) => ({ status: 'ready', ...more }) as PlayerState;

it('writes times as clocks do', () => {
  expect([0, 5.9, 65, 3600, 3725, -1].map(clock)).toEqual(['0:00', '0:05', '1:05', '1:00:00', '1:02:05', '0:00']);
});

it('speaks times in words', () => {
  expect([0, 61, 3600, 3725].map((s) => spoken(s, en))).toEqual([
    '0 seconds',
    '1 minute, 1 second',
    '1 hour',
    '1 hour, 2 minutes, 5 seconds',
  ]);
  expect(spoken(125, he)).toBe('שתי דקות, 5 שניות');
});

it('writes sizes in powers of a thousand, isolated from the text around them', () => {
  expect([0, 999, 84_000, 1_250_000, 584_000].map((b) => bytes(b, en).slice(1, -1))).toEqual([
    '0 byte',
    '999 byte',
    '84.0 kB',
    '1.3 MB',
    '584 kB',
  ]);
  expect(bytes(1_250_000, he)).toMatch(/^\u2068.*\u2069$/);
});

it('says what is awaited, and what was pressed for', () => {
  expect(statusText(state({ status: 'watching' }), en)).toBe(en.status.watching);
  expect(statusText(state({ status: 'watching', wanted: true }), he)).toBe('בודק זמינות הקלטה…');
  expect(statusText(state({ blocked: true }), en)).toBe(en.status.blocked);
  const saveTrouble = { code: 'overloaded', temporary: true };
  expect(statusText(state({ saveTrouble }), en)).toBe('Download: The server is busy.');
});

it('says why, when again, and how long it will take', () => {
  const at = new Date(2026, 0, 1, 12, 0, 5).getTime();
  expect(detailText(state({ status: 'queued', code: 'source_busy', retryAt: at }), en)).toBe(
    'The provider is busy. Next try at 12:00:05',
  );
  expect(detailText(state({ status: 'downloading', progress: { received: 500 } }), en)).toBe('\u2068500 byte\u2069');
  expect(detailText(state({ status: 'failed', code: 'disk_full' }), en)).toBe('Fault: disk_full');
});

it('names a call by its title, else by its parties', () => {
  expect(nameOf({ title: 'Invoice', from: '+1' }, en)).toBe('Invoice');
  expect(nameOf({ from: '+1' }, en)).toBe('+1 to Unknown number');
  expect(nameOf(undefined, he)).toBe('שיחה');
});

it('knows the sides by the direction: the caller’s leg comes first', () => {
  const of = (direction?: string) => sidesOf({ sid: '', call_sid: '', v: 0, state: 'ready', ...(direction ? { direction } : {}) }, en);
  expect(of('inbound')).toEqual(['Customer', 'Agent']);
  expect(of('outbound-api')).toEqual(['Agent', 'Customer']);
  expect(of()).toEqual(['Side 1', 'Side 2']);
});

it('has a text for every code in every language', () => {
  expect(Object.keys(he.codes)).toEqual(Object.keys(en.codes));
});
