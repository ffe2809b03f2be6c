import { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Timeline } from './Timeline';

let host: HTMLElement;
let root: Root;
const onSeek = vi.fn();

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  onSeek.mockReset();
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
});

afterEach(() => {
  act(() => root.unmount());
  host.remove();
});

const show = (time: number, duration: number | undefined = 240) =>
  act(() => {
    root.render(
      <Timeline
        time={time}
        duration={duration}
        label="Position"
        describe={(at, of) => `${at} of ${of}`}
        onSeek={onSeek}
      />,
    );
  });

const slider = () => host.querySelector('input')!;
const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
const drag = (to: number) =>
  act(() => {
    setValue.call(slider(), String(to));
    slider().dispatchEvent(new Event('input', { bubbles: true }));
  });
const drop = () => act(() => void slider().dispatchEvent(new Event('change', { bubbles: true })));
const press = (key: string) =>
  act(() => void slider().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })));

it('seeks once, where a drag ends', () => {
  show(10);
  drag(50);
  drag(90);
  show(11);
  expect(onSeek).not.toHaveBeenCalled();
  expect(slider().valueAsNumber).toBe(90);
  drop();
  expect(onSeek.mock.calls).toEqual([[90]]);
});

it('stays where it was dropped until the sound has followed, and then follows the sound', () => {
  show(10);
  drag(90);
  drop();
  expect(slider().valueAsNumber).toBe(90);
  show(90.2);
  show(95);
  expect(slider().valueAsNumber).toBe(95);
});

it('moves by keys in the direction of time, and never beyond its ends', () => {
  show(10);
  for (const key of ['ArrowRight', 'ArrowLeft', 'PageUp', 'PageDown']) press(key);
  expect(onSeek.mock.calls).toEqual([[15], [5], [40], [0]]);
});

it('says the position in words, and runs from left to right', () => {
  show(65);
  expect(slider().getAttribute('aria-valuetext')).toBe('1:05 of 4:00');
  expect(slider().dir).toBe('ltr');
});

it('is out of use while the length is unknown', () => {
  act(() => {
    root.render(<Timeline time={0} duration={undefined} label="" describe={() => ''} onSeek={onSeek} />);
  });
  expect(slider().disabled).toBe(true);
});
