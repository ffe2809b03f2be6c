import { act } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { en, he, type Text } from '../i18n';
import { breakMedia, dat, FakeServer, installMedia, reach, SID } from '../playback/testing';
import { installPage } from '../playback/testingPage';
import { Parts, RecordingPlayer, type RecordingPlayerProps } from '.';
import { findings, render, unmount } from './testing';

// axe looks at everything, and a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

let server: FakeServer;

beforeEach(() => {
  localStorage.clear();
  installMedia();
  installPage();
  server = new FakeServer();
});

afterEach(() => {
  unmount();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const show = (props: Partial<RecordingPlayerProps> = {}) => render(<RecordingPlayer sid={SID} server={server} {...props} />);
const says = (...args: Parameters<FakeServer['says']>) => act(() => server.says(...args));
const soon = () => act(() => new Promise((resolve) => setTimeout(resolve, 5)));
const by = <E extends HTMLElement>(label: string) => document.querySelector<E>(`[aria-label="${label}"]`)!;
const click = (element: Element) => act(() => void element.dispatchEvent(new MouseEvent('click', { bubbles: true })));
const press = (element: Element, init: KeyboardEventInit) =>
  act(() => void element.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init })));
const status = () => document.querySelector('[role=status]')!.textContent;
const slider = () => document.querySelector<HTMLElement>('[role=slider]')!;
const audio = () => document.querySelector('audio')!;

async function play() {
  says('ready', {}, { title: 'Invoice', from: '+972501', to: '+972502' });
  click(by(en.play));
  await soon();
}

const STATES: [string, Parameters<FakeServer['says']>][] = [
  ['watching', ['watching']],
  ['queued', ['queued', { code: 'not_yet_at_source', retryAt: Date.UTC(2026, 0, 1, 12, 0, 5) }]],
  ['downloading', ['downloading', { download: { received: 1_400_000, total: 2_300_000, percent: 60, secondsLeft: 4 } }]],
  ['ready', ['ready', {}, { title: 'Invoice', from: '+972501', to: '+972502', channels: 2, direction: 'inbound' }]],
  ['failed', ['failed', { code: 'source_failed', temporary: true }]],
  ['gone', ['gone', { code: 'erased' }]],
  ['offline', ['offline']],
  ['signed_out', ['signed_out', { code: 'token' }]],
  ['forbidden', ['forbidden', { code: 'forbidden' }]],
  ['not_found', ['not_found', { code: 'not_found' }]],
];

describe.each([
  ['English', en],
  ['Hebrew', he],
] as [string, Text][])('in %s', (_, text) => {
  it.each(STATES)('%s is said and drawn, without a finding of axe', async (state, said) => {
    for (const layout of ['full', 'compact'] as const) {
      const page = show({ text, layout });
      says(...said);
      expect(status()).toBe(text.status[state as keyof Text['status']]);
      expect(document.querySelector('.landfall-player')).toMatchObject({ dir: text.dir, lang: text.language });
      expect(await findings(page)).toEqual([]);
    }
  });

  it('renewing a link is said, without a finding of axe', async () => {
    const page = show({ text });
    says('ready');
    click(by(text.play));
    await soon();
    server.source = () => new Promise(() => {});
    act(() => breakMedia(audio(), 2));
    expect(status()).toBe(text.status.renewing);
    expect(await findings(page)).toEqual([]);
  });
});

it('shows real progress: percent, bytes and time left', () => {
  show();
  says(...STATES[2]![1]);
  expect(document.querySelector('[role=progressbar]')!.getAttribute('aria-valuenow')).toBe('60');
  expect(document.querySelector('.landfall-detail')!.textContent).toBe('\u20681.4 MB\u2069 of \u20682.3 MB\u2069 · 4 seconds left');
});

it('says why it failed, and offers another try only where that may help', () => {
  show();
  says('failed', { code: 'source_unauthorized', temporary: false });
  expect(document.querySelector('.landfall-detail')!.textContent).toBe(en.codes.source_unauthorized);
  expect(document.querySelector('.landfall-retry')).toBeNull();
  says('failed', { code: 'source_failed', temporary: true });
  click(document.querySelector('.landfall-retry')!);
  expect(server.retries).toBe(1);
  says('queued');
  expect(status()).toBe(en.status.queued);
});

it('keeps clicks and keys to itself, so that a row around it does not fold', () => {
  const row = vi.fn();
  render(
    <div onClick={row} onKeyDown={row}>
      <RecordingPlayer sid={SID} server={server} />
    </div>,
  );
  click(by(en.play));
  click(by(en.download));
  press(slider(), { key: 'ArrowRight' });
  expect(row).not.toHaveBeenCalled();
});

it('speaks the position, and moves by keys in the direction of time in both languages', async () => {
  for (const text of [en, he]) {
    show({ text });
    says('ready');
    act(() => slider().focus());
    press(slider(), { key: 'Home' });
    press(slider(), { key: 'PageUp' });
    press(slider(), { key: 'ArrowRight' });
    expect(slider()).toMatchObject({ dir: 'ltr' });
    expect(slider().getAttribute('aria-valuenow')).toBe('35');
  }
  expect(slider().getAttribute('aria-valuetext')).toBe('35 שניות מתוך 4 דקות');
  show({ text: en });
  press(slider(), { key: 'PageUp' });
  expect(slider().getAttribute('aria-valuetext')).toBe('1 minute, 5 seconds of 4 minutes');
});

it('is one stop for Tab on the timeline, and every control is named', async () => {
  show();
  says('ready', {}, { channels: 2, direction: 'outbound' });
  for (const control of document.querySelectorAll('button, select, input, [tabindex]')) {
    expect(control.getAttribute('aria-label') || control.textContent).toBeTruthy();
  }
  expect(by('Hear only: Agent')).toBeTruthy();
});

it('plays and pauses, and says so once', async () => {
  show();
  await play();
  expect(status()).toBe(en.status.playing);
  const live = document.querySelector('[role=status]')!;
  const spoken = vi.fn();
  new MutationObserver(spoken).observe(live, { characterData: true, childList: true, subtree: true });
  act(() => reach(audio(), 1));
  act(() => reach(audio(), 2));
  await soon();
  expect(spoken).not.toHaveBeenCalled();
  expect(document.querySelector('.landfall-now')!.textContent).toBe('0:02');
  click(by(en.pause));
  expect(audio().paused).toBe(true);
});

it('goes to a tenth by a click there, and selects by a drag with Shift', async () => {
  show({ startAt: 0 });
  await play();
  vi.spyOn(slider(), 'getBoundingClientRect').mockReturnValue({ left: 100, width: 400 } as DOMRect);
  const pointer = (type: string, clientX: number, shiftKey = false) =>
    act(() => void slider().dispatchEvent(new MouseEvent(type, { clientX, shiftKey, bubbles: true })));
  pointer('pointermove', 140);
  expect(document.querySelector('[data-hover]')!.textContent).toBe('0:24');
  pointer('pointerdown', 140);
  pointer('pointerup', 140);
  await soon();
  expect(audio().currentTime).toBe(24);
  pointer('pointerdown', 300, true);
  pointer('pointermove', 200, true);
  pointer('pointerup', 200, true);
  expect(document.querySelector('.landfall-chip')!.textContent).toBe('1:00 – 2:00');
  click(document.querySelector('.landfall-chip')!);
  expect(document.querySelector('.landfall-chip')).toBeNull();
});

it('isolates numbers from the direction of the text around them', () => {
  show({ text: he });
  says('ready', {}, { from: '+972501', to: '+972502', title: 'חשבונית' });
  const numbers = [...document.querySelectorAll('.landfall-parties bdi')].map((bdi) => [bdi.textContent, bdi.getAttribute('dir')]);
  expect(numbers).toEqual([
    ['+972501', 'ltr'],
    ['+972502', 'ltr'],
  ]);
});

it('has two sides to hear alone where the waveform has two', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(dat([[1, 0], [0, 1]]))));
  server.source = () => Promise.resolve({ url: 'https://sound.test/', expiresAt: Infinity, peaksUrl: 'https://sound.test/p' });
  show({ sides: ['Dana', 'Caller'] });
  expect(document.querySelector('.landfall-side')).toBeNull();
  await play();
  expect([...document.querySelectorAll('.landfall-side')].map((side) => side.textContent)).toEqual(['Dana', 'Caller']);
});

it('lets parts stand on their own, unstyled, in any order', async () => {
  render(
    <Parts.Root sid={SID} server={server} className="mine">
      <Parts.Time of="remaining" />
      <Parts.PlayButton>{(playing) => (playing ? 'stop' : 'go')}</Parts.PlayButton>
    </Parts.Root>,
  );
  says('ready');
  expect(document.querySelector('.mine')!.textContent).toBe('-4:00go');
  click(by(en.play));
  await soon();
  expect(by(en.pause).textContent).toBe('stop');
});

it('leaves nothing behind after 500 times', async () => {
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  let listeners = 0;
  const count = (by: number, then: typeof add) =>
    function (this: EventTarget, ...args: Parameters<typeof add>) {
      if (this === window || this === document) listeners += by;
      then.apply(this, args);
    };
  const part = (
    <Parts.Root sid={SID} server={server}>
      <Parts.PlayButton />
      <Parts.Timeline>
        <Parts.Waveform />
      </Parts.Timeline>
    </Parts.Root>
  );
  render(part);
  unmount();
  vi.spyOn(EventTarget.prototype, 'addEventListener').mockImplementation(count(1, add));
  vi.spyOn(EventTarget.prototype, 'removeEventListener').mockImplementation(count(-1, remove));
  vi.useFakeTimers();
  says('ready');
  for (let i = 0; i < 500; i++) {
    render(part);
    click(by(en.play));
    render(null);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(server.held).toBe(0);
  expect(listeners).toBe(0);
  expect(document.querySelectorAll('audio')).toHaveLength(0);
});
