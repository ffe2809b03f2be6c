import { beforeEach, expect, it, vi } from 'vitest';
import { press, type Operable } from './keys';

const player = {
  time: 60,
  duration: 240,
  rate: 1,
  volume: 0.5,
  selection: undefined as readonly [number, number] | undefined,
  toggle: vi.fn(),
  skip: vi.fn(),
  seek: vi.fn(),
  setRate: vi.fn(),
  setVolume: vi.fn(),
  toggleMuted: vi.fn(),
  select: vi.fn(),
} satisfies Operable;

beforeEach(() => {
  vi.resetAllMocks();
  player.selection = undefined;
});

function key(init: KeyboardEventInit, target: HTMLElement = document.createElement('div')): boolean {
  const event = new KeyboardEvent('keydown', init);
  Object.defineProperty(event, 'target', { value: target });
  return press(event, player);
}

it.each([
  [{ key: ' ' }, 'toggle', []],
  [{ key: 'k', code: 'KeyK' }, 'toggle', []],
  [{ key: 'j', code: 'KeyJ' }, 'skip', [-10]],
  [{ key: 'l', code: 'KeyL' }, 'skip', [10]],
  [{ key: 'ArrowLeft' }, 'skip', [-5]],
  [{ key: 'ArrowRight' }, 'skip', [5]],
  [{ key: 'ArrowUp' }, 'setVolume', [0.6]],
  [{ key: 'ArrowDown' }, 'setVolume', [0.4]],
  [{ key: 'PageUp' }, 'skip', [30]],
  [{ key: 'PageDown' }, 'skip', [-30]],
  [{ key: 'Home' }, 'seek', [0]],
  [{ key: 'End' }, 'seek', [240]],
  [{ key: '<', code: 'Comma', shiftKey: true }, 'setRate', [0.75]],
  [{ key: '>', code: 'Period', shiftKey: true }, 'setRate', [1.25]],
  [{ key: '<', code: 'IntlBackslash' }, 'setRate', [0.75]],
  [{ key: 'm', code: 'KeyM' }, 'toggleMuted', []],
  [{ key: 'ArrowRight', shiftKey: true }, 'select', [[60, 61]]],
] as const)('%o does %s%o', (init, action, args) => {
  expect(key(init)).toBe(true);
  expect(player[action].mock.calls).toEqual([args]);
});

it('knows the letters by their place, so that they work in a Hebrew layout', () => {
  key({ key: 'ח', code: 'KeyJ' });
  key({ key: 'ך', code: 'KeyL' });
  expect(player.skip.mock.calls).toEqual([[-10], [10]]);
  // There, the keys of < and > are exchanged: the places count.
  key({ key: '>', code: 'Comma', shiftKey: true });
  expect(player.setRate.mock.calls).toEqual([[0.75]]);
});

it('goes on with up and back with down on the timeline, as sliders do', () => {
  const timeline = document.createElement('div');
  timeline.setAttribute('role', 'slider');
  key({ key: 'ArrowUp' }, timeline);
  key({ key: 'ArrowDown' }, timeline);
  expect(player.skip.mock.calls).toEqual([[5], [-5]]);
});

it('leaves fields their keys, and buttons the key that presses them', () => {
  for (const tag of ['input', 'select', 'textarea']) expect(key({ key: 'ArrowRight' }, document.createElement(tag))).toBe(false);
  expect(key({ key: ' ' }, document.createElement('button'))).toBe(false);
  expect(key({ key: 'k', code: 'KeyK' }, document.createElement('button'))).toBe(true);
});

it('leaves the browser its own', () => {
  for (const modifier of ['ctrlKey', 'altKey', 'metaKey']) expect(key({ key: 'l', code: 'KeyL', [modifier]: true })).toBe(false);
  expect(key({ key: 'Tab' })).toBe(false);
  expect(key({ key: 'Enter' })).toBe(false);
});

it('widens and narrows the selection, and ends it', () => {
  player.selection = [60, 61];
  key({ key: 'ArrowRight', shiftKey: true });
  key({ key: 'ArrowLeft', shiftKey: true });
  expect(player.select.mock.calls).toEqual([[[60, 62]], [undefined]]);
  expect(key({ key: 'Escape' })).toBe(true);
  player.selection = undefined;
  expect(key({ key: 'Escape' })).toBe(false);
});
