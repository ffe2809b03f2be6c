/** What holds of a player, in one file because it is one machine of states: waiting, links, seeks, memory, selection, keys. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Player, type PlayerOptions } from './player';
import { breakMedia, dat, FakeServer, installMedia, reach, SID, sound } from './testing';

// Whatever else the machine has to do, these wait for nothing but themselves.
vi.setConfig({ testTimeout: 60_000 });

let server: FakeServer;
const ends: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  location.hash = '';
  installMedia();
  server = new FakeServer();
});

afterEach(() => {
  for (const end of ends.splice(0)) end();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const soon = () => vi.advanceTimersByTimeAsync(1);

function connect(options?: PlayerOptions, of = server): Player {
  const player = new Player(of, SID, options);
  ends.push(player.connect());
  return player;
}

/** A player that plays, at this second. */
async function playing(at = 0, options?: PlayerOptions): Promise<Player> {
  server.says('ready');
  const player = connect(options);
  player.play();
  await soon();
  await soon();
  if (at) reach(player.element, at);
  return player;
}

describe('waiting for a recording', () => {
  it('only watches, and reads nothing, until play is pressed', async () => {
    connect();
    server.says('ready');
    await soon();
    expect(server.intents).toEqual(['watch']);
    expect(server.links).toEqual([]);
  });

  it('reads length and waveform of what is there when asked to, and never makes the server fetch', async () => {
    connect({ preload: 'metadata' });
    await soon();
    expect(server.links).toEqual([]);
    server.says('ready');
    await soon();
    expect(server.links).toEqual([{ purpose: 'play', fresh: false }]);
    expect(server.intents).toEqual(['watch']);
  });

  it('asks for what is not there when play is pressed, and starts by itself the moment it is', async () => {
    const player = connect();
    player.play();
    expect(server.intents).toEqual(['watch', 'play']);
    // Signed while it is on its way.
    expect(server.links).toEqual([{ purpose: 'play', fresh: false }]);
    expect(player.state).toMatchObject({ wanted: true, playing: false, status: 'watching' });
    server.says('downloading', { download: { received: 1, total: 2, percent: 50 } });
    expect(player.state).toMatchObject({ status: 'downloading', wanted: true, progress: { percent: 50 } });
    server.says('ready');
    await soon();
    await soon();
    expect(player.state).toMatchObject({ status: 'ready', playing: true, wanted: false, duration: 240 });
    expect(player.element.paused).toBe(false);
  });

  it('does not start when the wish was taken back', async () => {
    const player = connect();
    player.play();
    player.pause();
    expect(server.intents).toEqual(['watch', 'play', 'watch']);
    server.says('ready');
    await soon();
    expect(player.element.paused).toBe(true);
    expect(player.element.hasAttribute('src')).toBe(false);
  });

  it('says why it failed, and asks again when told to', () => {
    const player = connect();
    player.play();
    server.says('failed', { code: 'source_failed', temporary: true });
    expect(player.state).toMatchObject({ status: 'failed', code: 'source_failed', temporary: true, wanted: false });
    player.retry();
    expect(server.retries).toBe(1);
    expect(player.state.wanted).toBe(true);
  });

  it('falls silent when the recording is erased while it plays', async () => {
    const player = await playing(30);
    server.says('gone', { code: 'erased' });
    expect(player.state).toMatchObject({ status: 'gone', code: 'erased', playing: false });
    expect(player.element.hasAttribute('src')).toBe(false);
  });

  it('asks for a click where the browser wants one', async () => {
    sound.refuses = true;
    const player = await playing();
    expect(player.state).toMatchObject({ blocked: true, playing: false, status: 'ready' });
    sound.refuses = false;
    player.play();
    await soon();
    expect(player.state).toMatchObject({ blocked: false, playing: true });
  });
});

describe('a recording that is still landing', () => {
  const half = { download: { received: 500_000, total: 1_000_000, percent: 50 } };

  /** Play was pressed, and half of it has come. */
  async function early(): Promise<Player> {
    const player = connect();
    player.play();
    server.says('downloading', half);
    await soon();
    await soon();
    return player;
  }

  it('is heard as soon as its beginning and its length are there, and goes on when it has landed', async () => {
    const player = await early();
    expect(player.state).toMatchObject({ status: 'ready', playing: true, wanted: false, duration: 240 });
    reach(player.element, 7);
    const { src } = player.element;
    server.says('ready');
    await soon();
    expect(player.state).toMatchObject({ status: 'ready', playing: true, time: 7 });
    expect(player.element.src).toBe(src);
  });

  it('is waited for while its length is unknown, or less has come than tells what it is', async () => {
    const player = connect();
    player.play();
    server.says('downloading', { download: { received: 500_000 } });
    server.says('downloading', { download: { received: 10_000, total: 1_000_000 } });
    await soon();
    expect(player.element.hasAttribute('src')).toBe(false);
    server.says('downloading', { download: { received: 10_000, total: 10_000 } });
    await soon();
    expect(player.element.hasAttribute('src')).toBe(true);
  });

  it('is never read for somebody who only watches', async () => {
    connect({ preload: 'metadata' });
    server.says('downloading', half);
    await soon();
    expect(server.links).toEqual([]);
  });

  it('goes on where it was cut, once it has landed', async () => {
    const player = await early();
    reach(player.element, 7);
    breakMedia(player.element, 2);
    expect(player.state).toMatchObject({ status: 'downloading', playing: true, buffering: true, time: 7 });
    server.says('downloading', half);
    await soon();
    expect(player.element.hasAttribute('src')).toBe(false);
    server.says('ready');
    await soon();
    await soon();
    await soon();
    expect(player.state).toMatchObject({ status: 'ready', playing: true, time: 7 });
    expect(player.element).toMatchObject({ currentTime: 7, paused: false });
  });

  it('stays paused where it was cut when it was paused', async () => {
    const player = await early();
    reach(player.element, 7);
    player.pause();
    breakMedia(player.element, 2);
    server.says('ready');
    await soon();
    await soon();
    expect(player.state).toMatchObject({ status: 'ready', playing: false, time: 7 });
    player.play();
    await soon();
    await soon();
    await soon();
    expect(player.element).toMatchObject({ currentTime: 7, paused: false });
  });

  it('is paused, and played on, before it has landed', async () => {
    const player = await early();
    player.pause();
    expect(player.state).toMatchObject({ status: 'ready', playing: false });
    player.play();
    await soon();
    expect(player.element.paused).toBe(false);
    // Wanted again: after a broken line it is asked for anew.
    expect(server.intents).toEqual(['watch', 'play', 'watch', 'play']);
  });

  it('falls silent when it fails after all', async () => {
    const player = await early();
    server.says('failed', { code: 'source_failed', temporary: true });
    expect(player.state).toMatchObject({ status: 'failed', playing: false, wanted: false });
    expect(player.element.hasAttribute('src')).toBe(false);
  });

  it('has its waveform drawn when it has landed', async () => {
    const peaks = vi.fn(async () => new Response(dat([[0.5, 0.5]]), { status: 200 }));
    vi.stubGlobal('fetch', peaks);
    server.source = () => Promise.resolve({ url: 'https://sound.test/', expiresAt: Date.now() + 600_000, peaksUrl: 'https://sound.test/peaks' });
    const player = await early();
    expect(peaks).not.toHaveBeenCalled();
    server.says('ready');
    await soon();
    expect(player.peaks).toBeDefined();
  });
});

describe('a link that has expired', () => {
  it('is renewed in mid-play; position, speed and play state stay', async () => {
    const player = await playing(83);
    player.setRate(1.5);
    breakMedia(player.element, 2);
    expect(player.state).toMatchObject({ status: 'renewing', playing: true, buffering: true, time: 83 });
    await soon();
    await soon();
    await soon();
    expect(server.links.at(-1)).toEqual({ purpose: 'play', fresh: true });
    expect(player.element.src).toBe('https://sound.test/2');
    expect(player.state).toMatchObject({ status: 'ready', playing: true, time: 83, rate: 1.5 });
    expect(player.element).toMatchObject({ currentTime: 83, playbackRate: 1.5, paused: false });
  });

  it('is renewed without starting what was paused', async () => {
    const player = await playing(83);
    player.pause();
    breakMedia(player.element, 4);
    await soon();
    await soon();
    expect(player.state).toMatchObject({ status: 'ready', playing: false, time: 83 });
    expect(player.element.paused).toBe(true);
  });

  it('is renewed before a jump that it would not open any more', async () => {
    server.source = () => Promise.resolve({ url: 'https://sound.test/', expiresAt: Date.now() + 60_000 });
    const player = await playing(10);
    await vi.advanceTimersByTimeAsync(60_000);
    const before = server.links.length;
    player.seek(15);
    expect(server.links.length).toBe(before);
    player.seek(200);
    expect(server.links.at(-1)).toEqual({ purpose: 'play', fresh: true });
    await soon();
    await soon();
    expect(player.state).toMatchObject({ time: 200, playing: true });
  });

  it('is not renewed for ever: it fails when nothing comes of it, and another try begins anew', async () => {
    const player = await playing(83);
    sound.opens = false;
    for (let i = 0; i < 3; i++) {
      breakMedia(player.element, 4);
      await vi.advanceTimersByTimeAsync(1_500);
    }
    expect(player.state).toMatchObject({ status: 'failed', code: 'interrupted', temporary: true, playing: false });
    expect(server.links.length).toBe(3);
    sound.opens = true;
    player.retry();
    await soon();
    await soon();
    expect(player.state).toMatchObject({ status: 'ready', playing: true, time: 83 });
  });

  it('waits for the network where there is none', async () => {
    const player = await playing(83);
    const online = vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
    breakMedia(player.element, 2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.links.length).toBe(1);
    online.mockReturnValue(true);
    dispatchEvent(new Event('online'));
    await soon();
    await soon();
    expect(player.state).toMatchObject({ status: 'ready', playing: true, time: 83 });
  });

  it('says what the server says when there is no other', async () => {
    const player = await playing(83);
    server.source = () => Promise.reject(Object.assign(new Error('gone'), { code: 'expired', temporary: false }));
    breakMedia(player.element, 4);
    await soon();
    expect(player.state).toMatchObject({ status: 'gone', code: 'expired', temporary: false });
  });

  it('is not asked for when the bytes came whole and are no sound', async () => {
    const player = await playing();
    breakMedia(player.element, 3);
    expect(player.state).toMatchObject({ status: 'failed', code: 'undecodable', temporary: false });
    expect(server.links.length).toBe(1);
  });
});

describe('jumping', () => {
  it('shows where it goes until it is there', async () => {
    const player = await playing(10);
    player.seek(100);
    expect(player.time).toBe(100);
    reach(player.element, 10.2);
    expect(player.time).toBe(100);
    await soon();
    reach(player.element, 101);
    expect(player.time).toBe(101);
  });

  it('is tried once more when it landed elsewhere, and then shows the truth', async () => {
    const player = await playing(10);
    sound.seeks = [];
    sound.lands = () => 0;
    player.seek(100);
    await soon();
    await soon();
    await soon();
    expect(sound.seeks).toEqual([100, 100]);
    expect(player.time).toBe(0);
  });

  it('before there is a link, is where it starts', async () => {
    const player = connect();
    player.seek(60);
    server.says('ready');
    player.play();
    await soon();
    await soon();
    expect(player.element.currentTime).toBe(60);
  });

  it('stays within the recording', async () => {
    const player = await playing(235);
    player.skip(10);
    expect(player.time).toBe(240);
    player.seek(-5);
    expect(player.time).toBe(0);
  });

  it('is one at the end of a drag, which only shows places', async () => {
    const player = await playing(10);
    sound.seeks = [];
    player.preview(50);
    player.preview(90);
    expect(player.state.time).toBe(90);
    expect(sound.seeks).toEqual([]);
    player.preview(undefined);
    expect(player.state.time).toBe(10);
  });
});

describe('what is remembered', () => {
  it('is the speed, under the old player’s key and within 0.5 to 3', () => {
    localStorage.setItem('audioPlaybackRate', '1.5');
    const player = connect();
    expect(player.state.rate).toBe(1.5);
    player.setRate(9);
    expect(player.state.rate).toBe(3);
    expect(localStorage.getItem('audioPlaybackRate')).toBe('3');
    player.setRate(0.1);
    expect(player.state.rate).toBe(0.5);
  });

  it('is the volume', () => {
    connect().setVolume(0.4);
    expect(connect().state.volume).toBe(0.4);
  });

  it('is where a recording was left, unless told otherwise', async () => {
    const player = await playing(83.25);
    player.pause();
    expect(connect().time).toBe(83.3);
    expect(connect({ resume: false }).time).toBe(0);
    expect(connect({ startAt: 12 }).time).toBe(12);
  });

  it('is not the end: that begins anew', async () => {
    const player = await playing(238);
    player.pause();
    expect(connect().time).toBe(0);
  });

  it('is kept while it plays, for a page that is closed without a word', async () => {
    const player = await playing(20);
    await vi.advanceTimersByTimeAsync(6_000);
    reach(player.element, 26);
    expect(connect().time).toBe(26);
  });

  it('gives way to the place that the address names', () => {
    location.hash = '#t=1:05';
    const player = connect();
    expect(player.time).toBe(65);
    location.hash = `#t=90&recording=${SID}`;
    dispatchEvent(new Event('hashchange'));
    expect(player.time).toBe(90);
    location.hash = '#t=10&recording=CA0';
    dispatchEvent(new Event('hashchange'));
    expect(player.time).toBe(90);
  });
});

describe('beside playing', () => {
  it('pauses the others, unless they may play together', async () => {
    const first = await playing();
    const second = await playing();
    expect(first.state.playing).toBe(false);
    await playing(0, { exclusive: false });
    expect(second.state.playing).toBe(true);
  });

  it('repeats a selection until a jump leaves it', async () => {
    const player = await playing(10);
    player.select([20, 25]);
    reach(player.element, 10.2);
    expect(player.time).toBe(20);
    await soon();
    reach(player.element, 24.9);
    await vi.advanceTimersByTimeAsync(50);
    expect(player.time).toBe(24.9);
    reach(player.element, 25.01);
    expect(player.time).toBe(20);
    await soon();
    player.seek(100);
    expect(player.state.selection).toBeUndefined();
  });

  it('skips silence where the waveform shows it, and tells whether it can', async () => {
    const loud = Array<number>(50).fill(0.8);
    const quiet = Array<number>(100).fill(0);
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(dat([[...loud, ...quiet, ...loud]]))));
    server.source = () => Promise.resolve({ url: 'https://sound.test/', expiresAt: Infinity, peaksUrl: 'https://sound.test/p' });
    const player = await playing(4);
    await soon();
    expect(player.state.canSkipSilence).toBe(true);
    player.setSkipsSilence(true);
    reach(player.element, 5);
    expect(player.time).toBe(5);
    reach(player.element, 5.3);
    expect(player.time).toBe(14.75);
  });

  it('asks again for a waveform in the making, and does without one that is not to be had', async () => {
    const answers = [
      new Response(null, { status: 202, headers: { 'Retry-After': '2' } }),
      new Response(null, { status: 403 }),
      new Response(dat([[1], [1]])),
    ];
    const asked: string[] = [];
    vi.stubGlobal('fetch', (url: string) => {
      asked.push(url);
      return Promise.resolve(answers.shift() ?? new Response(null, { status: 404 }));
    });
    server.source = () => Promise.resolve({ url: 'https://sound.test/', expiresAt: Infinity, peaksUrl: `https://sound.test/${asked.length}` });
    const player = await playing();
    expect(player.peaks).toBeUndefined();
    await vi.advanceTimersByTimeAsync(3_100);
    // A link that has expired in the meantime is another the next time.
    expect(asked).toEqual(['https://sound.test/0', 'https://sound.test/1', 'https://sound.test/2']);
    expect(player.peaks?.channels).toBe(2);
    expect(player.state.stereo).toBe(true);
    const other = await playing();
    await soon();
    expect(other.state).toMatchObject({ status: 'ready', canSkipSilence: false });
  });

  it('downloads by a link of its own, when it is there, and through no page memory', async () => {
    const clicked = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => {});
    const player = connect();
    player.download();
    expect(player.state.saving).toBe(true);
    expect(server.intents).toEqual(['watch', 'play']);
    expect(clicked).not.toHaveBeenCalled();
    server.says('ready');
    await soon();
    expect(server.links).toEqual([{ purpose: 'download', fresh: false }]);
    expect((clicked.mock.contexts[0] as HTMLAnchorElement).href).toBe('https://sound.test/1');
    expect(player.state).toMatchObject({ saving: false, playing: false });
  });

  it('says when a download cannot begin', async () => {
    server.says('ready');
    const player = connect();
    server.source = () => Promise.reject(Object.assign(new Error('no'), { code: 'overloaded', temporary: true }));
    player.download();
    await soon();
    expect(player.state).toMatchObject({ saving: false, saveTrouble: { code: 'overloaded', temporary: true } });
  });

  it('copies the address of the place', async () => {
    const writeText = vi.fn(() => Promise.resolve());
    vi.stubGlobal('navigator', { clipboard: { writeText } });
    const player = connect({ startAt: 83.9 });
    await player.copyLink();
    expect(writeText).toHaveBeenCalledWith(`${location.href.split('#')[0]}#t=83&recording=${SID}`);
    expect(player.state.copied).toBe(true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(player.state.copied).toBe(false);
  });

  it('takes the media keys when it starts, and gives them back', async () => {
    const handlers = new Map<string, unknown>();
    const session = { metadata: null as unknown, setActionHandler: (name: string, handler: unknown) => handlers.set(name, handler) };
    Object.defineProperty(navigator, 'mediaSession', { configurable: true, value: session });
    vi.stubGlobal('MediaMetadata', class { constructor(public of: object) {} });
    server.says('ready', {}, { title: 'Invoice', from: '+1', to: '+2' });
    const player = await playing(50);
    (handlers.get('seekbackward') as (details: object) => void)({});
    expect(player.time).toBe(40);
    (handlers.get('pause') as () => void)();
    expect(player.state.playing).toBe(false);
    for (const end of ends.splice(0)) end();
    expect([...handlers.values()].every((handler) => handler === null)).toBe(true);
    Reflect.deleteProperty(navigator, 'mediaSession');
  });
});

it('leaves no listener, timer or subscription behind, however often it comes and goes', async () => {
  const counts = new Map<unknown, number>();
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  vi.spyOn(EventTarget.prototype, 'addEventListener').mockImplementation(function (this: EventTarget, ...args) {
    counts.set(this, (counts.get(this) ?? 0) + 1);
    add.apply(this, args);
  });
  vi.spyOn(EventTarget.prototype, 'removeEventListener').mockImplementation(function (this: EventTarget, ...args) {
    counts.set(this, (counts.get(this) ?? 0) - 1);
    remove.apply(this, args);
  });
  server.says('ready');
  for (let i = 0; i < 500; i++) {
    const player = new Player(server, SID);
    const end = player.connect();
    player.play();
    await soon();
    end();
  }
  await vi.advanceTimersByTimeAsync(100);
  expect(vi.getTimerCount()).toBe(0);
  expect(server.held).toBe(0);
  expect([...counts.values()].every((count) => count <= 0)).toBe(true);
});
