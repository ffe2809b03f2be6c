import { act } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { render, unmount } from '../components/testing';
import { FakeSocket } from '../core/testing';
import { installMedia, SID, sound } from '../playback/testing';
import { installPage } from '../playback/testingPage';
import { AudioPlayer, type AudioPlayerProps } from '.';

// Whatever else the machine has to do, these wait for nothing but themselves.
vi.setConfig({ testTimeout: 60_000 });

const requests = vi.fn<typeof fetch>();

beforeEach(() => {
  localStorage.clear();
  installMedia();
  installPage();
  FakeSocket.install();
  requests.mockReset().mockImplementation(() =>
    Promise.resolve(Response.json({ url: 'https://sound.test/1', expires_at: new Date(Date.now() + 600_000).toISOString() })),
  );
  vi.stubGlobal('fetch', requests);
});

afterEach(() => {
  unmount();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.documentElement.lang = '';
});

const soon = () => act(() => new Promise((resolve) => setTimeout(resolve, 5)));
const show = (props: Partial<AudioPlayerProps> = {}) => render(<AudioPlayer src={`/api/recordings/file/${SID}`} {...props} />);
const play = () => act(() => document.querySelector<HTMLElement>('.landfall-play')!.click());
const audio = () => document.querySelector('audio')!;

function serverSays(state: string, more: object = {}) {
  const told = { sid: SID, v: 1, state, ...more };
  act(() => FakeSocket.last.says({ type: 'subscribed', id: FakeSocket.last.of('subscribe').at(-1)?.id ?? 1, recordings: [told] }));
}

async function connected(props: Partial<AudioPlayerProps> = {}) {
  show(props);
  await soon();
  act(() => FakeSocket.last.welcomes());
  await soon();
}

it('needs no provider, and asks for nothing but the state when it is rendered', async () => {
  await connected();
  expect(FakeSocket.last.of('subscribe')).toMatchObject([{ sids: [SID], intent: 'watch' }]);
  expect(requests).not.toHaveBeenCalled();
  expect(audio().hasAttribute('src')).toBe(false);
});

it('shares one line among all that the page shows', async () => {
  render(
    <>
      {Array.from({ length: 20 }, (_, i) => (
        <AudioPlayer key={i} src={`/api/recordings/file/CA${String(i).padStart(32, '0')}`} />
      ))}
    </>,
  );
  await soon();
  expect(FakeSocket.all).toHaveLength(1);
  act(() => FakeSocket.last.welcomes());
  await soon();
  expect(FakeSocket.last.of('subscribe')[0]!.sids).toHaveLength(20);
});

it('fetches and plays at a click, and tells the app', async () => {
  const told = { onPlay: vi.fn(), onPause: vi.fn(), onEnded: vi.fn() };
  await connected(told);
  play();
  await soon();
  expect(FakeSocket.last.of('subscribe').at(-1)).toMatchObject({ intent: 'play' });
  serverSays('ready');
  await soon();
  expect(audio().src).toBe('https://sound.test/1');
  expect(told.onPlay).toHaveBeenCalledTimes(1);
  act(() => void audio().dispatchEvent(new Event('ended')));
  expect(told.onEnded).toHaveBeenCalledTimes(1);
  play();
  expect(told.onPause).toHaveBeenCalledTimes(1);
});

it('tells why it cannot', async () => {
  const onError = vi.fn();
  await connected({ onError });
  play();
  await soon();
  serverSays('failed', { code: 'source_failed', temporary: true });
  expect(onError.mock.lastCall![0]).toMatchObject({ message: 'source_failed' });
});

it('takes the old props: any other goes to the root', async () => {
  document.documentElement.lang = 'he';
  await connected({ className: 'w-full', id: 'player', style: { maxWidth: 300 }, preload: 'none' });
  expect(document.querySelector('#player')).toMatchObject({ className: 'landfall-player w-full', dir: 'rtl' });
});

it('plays any other address as it is', async () => {
  show({ src: 'https://elsewhere.test/greeting.mp3' });
  play();
  await soon();
  expect(audio().src).toBe('https://elsewhere.test/greeting.mp3');
  expect(FakeSocket.all).toEqual([]);
});

it('begins by itself where it is told to and may', async () => {
  show({ src: 'https://elsewhere.test/greeting.mp3', autoPlay: true });
  await soon();
  expect(audio().paused).toBe(false);
  unmount();
  sound.refuses = true;
  show({ src: 'https://elsewhere.test/greeting.mp3', autoPlay: true });
  await soon();
  expect(audio().paused).toBe(true);
});
