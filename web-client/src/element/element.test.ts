import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import axe from 'axe-core';
import type { Client } from '../core';
import { en, he } from '../i18n';
import { breakMedia, dat, FakeServer, installMedia, reach, SID } from '../playback/testing';
import { installPage } from '../playback/testingPage';
import { LandfallPlayerElement } from '.';

// axe looks at everything, and a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

let server: FakeServer & { start(): void; stop(): void };
let element: LandfallPlayerElement;

beforeEach(() => {
  localStorage.clear();
  installMedia();
  installPage();
  server = Object.assign(new FakeServer(), { start: vi.fn(), stop: vi.fn() });
  element = document.createElement('landfall-player');
  element.client = server as unknown as Client;
});

afterEach(() => {
  element.remove();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const soon = () => new Promise((resolve) => setTimeout(resolve, 5));
const find = (selector: string) => element.shadowRoot!.querySelector<HTMLElement>(selector)!;

async function show(attributes: Record<string, string> = {}) {
  for (const [name, value] of Object.entries({ sid: SID, ...attributes })) element.setAttribute(name, value);
  document.body.append(element);
  await soon();
}

it('shows a recording, watches it, and reads nothing until play is pressed', async () => {
  await show();
  server.says('ready', {}, { title: 'Invoice' });
  expect(find('.landfall-title').textContent).toBe('Invoice');
  expect(server.intents).toEqual(['watch']);
  expect(server.links).toEqual([]);
});

it('plays, tells of it by events, and pauses', async () => {
  const heard: string[] = [];
  for (const name of ['status', 'play', 'pause', 'time']) {
    element.addEventListener(`landfall-${name}`, (event) => heard.push(`${name} ${(event as CustomEvent).detail.status}`));
  }
  await show();
  server.says('ready');
  find('.landfall-play').click();
  await soon();
  reach(find('audio') as HTMLAudioElement, 1);
  find('.landfall-play').click();
  expect(heard).toEqual(['status ready', 'play ready', 'time ready', 'pause ready']);
});

it('speaks the language it is told, else that of the page around', async () => {
  await show({ language: 'he' });
  expect(find('[role=status]').textContent).toBe(he.status.watching);
  expect(find('.landfall-player').dir).toBe('rtl');
  expect(find('[role=slider]').dir).toBe('ltr');
  element.removeAttribute('language');
  await soon();
  expect(find('[role=status]').textContent).toBe(en.status.watching);
});

it('takes another recording when its sid changes, and lets go of the first', async () => {
  await show();
  element.setAttribute('sid', `RE${'2'.repeat(32)}`);
  element.setAttribute('layout', 'compact');
  await soon();
  expect(element.player!.sid).toBe(`RE${'2'.repeat(32)}`);
  expect(server.held).toBe(1);
  expect(element.shadowRoot!.querySelectorAll('.landfall-player')).toHaveLength(1);
  element.remove();
  await soon();
  expect(server.held).toBe(0);
  expect(server.stop).toHaveBeenCalledTimes(2);
});

it('has the keyboard, and keeps clicks to itself', async () => {
  await show();
  server.says('ready');
  const row = vi.fn();
  document.body.addEventListener('click', row);
  find('.landfall-skip:last-child').click();
  const event = new KeyboardEvent('keydown', { key: 'l', code: 'KeyL', bubbles: true, cancelable: true });
  find('[role=slider]').dispatchEvent(event);
  expect(element.player!.time).toBe(20);
  expect(row).not.toHaveBeenCalled();
});

it('has no finding of axe in any state, in either language', async () => {
  // Where a chip and two sides are, too.
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(dat([[1], [1]]))));
  server.source = () => Promise.resolve({ url: 'https://sound.test/', expiresAt: Infinity, peaksUrl: 'https://sound.test/p' });
  for (const layout of ['full', 'compact']) {
    await show({ language: layout === 'full' ? 'he' : 'en', layout });
    for (const phase of ['watching', 'queued', 'downloading', 'failed', 'gone', 'offline', 'not_found', 'ready'] as const) {
      server.says(phase, { temporary: true });
      if (phase === 'ready') {
        element.player!.play();
        await soon();
        element.player!.select([10, 20]);
        await soon();
      }
      const { violations } = await axe.run(element, { rules: { 'color-contrast': { enabled: false }, region: { enabled: false } } });
      expect(violations.map(({ id, nodes }) => `${phase} ${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
    }
  }
});

it('renews a link as the other players do', async () => {
  await show();
  server.says('ready');
  element.player!.play();
  await soon();
  reach(find('audio') as HTMLAudioElement, 83);
  breakMedia(find('audio') as HTMLAudioElement, 2);
  expect(find('[role=status]').textContent).toBe(en.status.renewing);
  await soon();
  await soon();
  expect(element.player!.state).toMatchObject({ status: 'ready', playing: true, time: 83 });
});
