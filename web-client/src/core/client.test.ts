import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from './client';
import { FakeSocket, recording, settle, sid } from './testing';

let client: Client;
let expiring: number[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  FakeSocket.install();
  expiring = [];
  client = new Client({ url: 'ws://here/ws/recordings', onExpiring: (inMs) => expiring.push(inMs) });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const nobody = () => {};
const state = (n: number) => client.snapshot(sid(n)).recording?.state;
const online = () => {
  client.start();
  FakeSocket.last.welcomes();
};
const reconnect = (welcome: object = {}) => {
  FakeSocket.last.ends(1006);
  window.dispatchEvent(new Event('online'));
  FakeSocket.last.welcomes(welcome);
};

describe('subscriptions', () => {
  it('of one moment become one message', async () => {
    online();
    for (const n of [1, 2, 3]) client.subscribe(sid(n), 'watch', nobody);
    await settle();
    expect(FakeSocket.last.sent).toEqual([
      { type: 'subscribe', id: 1, sids: [sid(1), sid(2), sid(3)], intent: 'watch' },
    ]);
  });

  it('are counted per SID: the first asks, the last leaves', async () => {
    online();
    const first = client.subscribe(sid(1), 'watch', nobody);
    const second = client.subscribe(sid(1), 'watch', nobody);
    await settle();
    first();
    first();
    await settle();
    expect(FakeSocket.last.of('unsubscribe')).toEqual([]);
    second();
    await settle();
    expect(FakeSocket.last.of('subscribe')).toHaveLength(1);
    expect(FakeSocket.last.of('unsubscribe')).toEqual([{ type: 'unsubscribe', id: 2, sids: [sid(1)] }]);
  });

  it('that come and go within one moment are not sent', async () => {
    online();
    client.subscribe(sid(1), 'play', nobody)();
    await settle();
    expect(FakeSocket.last.sent).toEqual([]);
  });

  it('wait for the line, then go all at once', async () => {
    client.subscribe(sid(1), 'watch', nobody);
    client.subscribe(sid(2), 'play', nobody);
    await settle();
    online();
    expect(FakeSocket.last.sent).toEqual([
      { type: 'subscribe', id: 1, sids: [sid(2)], intent: 'play' },
      { type: 'subscribe', id: 2, sids: [sid(1)], intent: 'watch' },
    ]);
  });

  it('without an intent only listen', async () => {
    online();
    const listener = vi.fn();
    client.subscribe(sid(1), undefined, listener);
    await settle();
    expect(FakeSocket.last.sent).toEqual([]);
    client.put([recording(1, 1, 'ready')]);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('never exceed what the server allows, and use the room that others leave', async () => {
    client.start();
    FakeSocket.last.welcomes({ max_sids: 2 });
    const leave = client.subscribe(sid(1), 'watch', nobody);
    client.subscribe(sid(2), 'watch', nobody);
    client.subscribe(sid(3), 'watch', nobody);
    await settle();
    expect(FakeSocket.last.of('subscribe').flatMap(({ sids }) => sids)).toEqual([sid(1), sid(2)]);
    leave();
    await settle();
    expect(FakeSocket.last.of('subscribe').at(-1)?.sids).toEqual([sid(3)]);
  });

  it('of a thousand SIDs stay below the size of one message', async () => {
    client.start();
    FakeSocket.last.welcomes({ max_sids: 1000 });
    for (let n = 0; n < 1000; n++) client.subscribe(sid(n), 'watch', nobody);
    await settle();
    for (const message of FakeSocket.last.sent) expect(JSON.stringify(message).length).toBeLessThan(16_384);
    expect(FakeSocket.last.of('subscribe').flatMap(({ sids }) => sids)).toHaveLength(1000);
  });
});

describe('a play', () => {
  it('is asked for although the SID is watched already', async () => {
    online();
    client.subscribe(sid(1), 'watch', nobody);
    await settle();
    client.subscribe(sid(1), 'play', nobody);
    await settle();
    expect(FakeSocket.last.of('subscribe').map(({ intent }) => intent)).toEqual(['watch', 'play']);
  });

  it('that failed is asked for again only when somebody says so', async () => {
    online();
    client.subscribe(sid(1), 'play', nobody);
    await settle();
    FakeSocket.last.says({ type: 'subscribed', id: 1, recordings: [recording(1, 1, 'queued')] });
    FakeSocket.last.says({ type: 'failed', ...recording(1, 2, 'failed', { code: 'source_failed', temporary: true }) });
    reconnect();
    expect(FakeSocket.last.of('subscribe')).toMatchObject([{ sids: [sid(1)], intent: 'watch' }]);
    client.retry(sid(1));
    await settle();
    expect(FakeSocket.last.of('subscribe')).toMatchObject([{ intent: 'watch' }, { sids: [sid(1)], intent: 'play' }]);
  });

  it('that is still waited for is asked for again on a new line', async () => {
    online();
    client.subscribe(sid(1), 'play', nobody);
    await settle();
    FakeSocket.last.says({ type: 'subscribed', id: 1, recordings: [recording(1, 2, 'downloading')] });
    reconnect();
    expect(FakeSocket.last.of('subscribe')).toMatchObject([{ sids: [sid(1)], intent: 'play' }]);
  });

  it('whose answer was lost with the line is asked for again, whatever was known before', async () => {
    online();
    client.put([recording(1, 4, 'failed')]);
    client.subscribe(sid(1), 'play', nobody);
    await settle();
    reconnect();
    expect(FakeSocket.last.of('subscribe')).toMatchObject([{ sids: [sid(1)], intent: 'play' }]);
  });

  it('that was given up is a watch for those who stay', async () => {
    client.subscribe(sid(1), 'watch', nobody);
    const stop = client.subscribe(sid(1), 'play', nobody);
    stop();
    await settle();
    online();
    expect(FakeSocket.last.of('subscribe')).toMatchObject([{ sids: [sid(1)], intent: 'watch' }]);
  });
});

describe('versions', () => {
  it('make a duplicate silent', () => {
    online();
    const listener = vi.fn();
    client.subscribe(sid(1), 'watch', listener);
    FakeSocket.last.says({ type: 'ready', ...recording(1, 3, 'ready') });
    FakeSocket.last.says({ type: 'ready', ...recording(1, 3, 'ready') });
    FakeSocket.last.says({ type: 'state', ...recording(1, 2, 'downloading') });
    expect(listener).toHaveBeenCalledTimes(1);
    expect(state(1)).toBe('ready');
  });

  it('may skip what was missed', () => {
    online();
    FakeSocket.last.says({ type: 'state', ...recording(1, 1, 'queued', { code: 'source_busy', title: 'A call' }) });
    FakeSocket.last.says({ type: 'progress', sid: sid(1), v: 2, received: 10, total: 40 });
    expect(client.snapshot(sid(1)).recording).toEqual(
      recording(1, 2, 'downloading', { title: 'A call', received: 10, total: 40 }),
    );
    FakeSocket.last.says({ type: 'ready', ...recording(1, 7, 'ready') });
    expect(state(1)).toBe('ready');
  });

  it('keep late progress from undoing what came after it', () => {
    online();
    FakeSocket.last.says({ type: 'ready', ...recording(1, 3, 'ready') });
    FakeSocket.last.says({ type: 'progress', sid: sid(1), v: 2, received: 10, total: 40 });
    FakeSocket.last.says({ type: 'progress', sid: sid(1), v: 3, received: 40, total: 40 });
    expect(state(1)).toBe('ready');
  });

  it('count anew in a new epoch', () => {
    online();
    FakeSocket.last.says({ type: 'ready', ...recording(1, 9, 'ready') });
    reconnect({ epoch: 'e1' });
    FakeSocket.last.says({ type: 'state', ...recording(1, 1, 'queued') });
    expect(state(1)).toBe('ready');
    reconnect({ epoch: 'e2' });
    expect(state(1)).toBe('ready');
    FakeSocket.last.says({ type: 'state', ...recording(1, 1, 'queued') });
    expect(state(1)).toBe('queued');
  });

  it('let a list neither undo what was pushed nor hide what it knows better', () => {
    online();
    FakeSocket.last.says({ type: 'ready', ...recording(1, 3, 'ready') });
    client.put([recording(1, 2, 'downloading'), recording(2, 1, 'unknown')]);
    expect([state(1), state(2)]).toEqual(['ready', 'unknown']);
    client.put([recording(1, 3, 'ready', { title: 'Renamed' })]);
    expect(client.snapshot(sid(1)).recording?.title).toBe('Renamed');
  });
});

describe('what the server says', () => {
  it('of the moment of subscribing is taken, errors too', async () => {
    online();
    client.subscribe(sid(1), 'watch', nobody);
    client.subscribe(sid(2), 'watch', nobody);
    await settle();
    const error = { code: 'not_found', temporary: false };
    FakeSocket.last.says({ type: 'subscribed', id: 1, recordings: [recording(1, 5, 'gone'), { sid: sid(2), error }] });
    expect(state(1)).toBe('gone');
    expect(client.snapshot(sid(2))).toEqual({ error });
  });

  it('against a request is told to those who waited for it', async () => {
    online();
    client.subscribe(sid(1), 'play', nobody);
    await settle();
    FakeSocket.last.says({ type: 'error', id: 1, code: 'limits', message: 'too many' });
    expect(client.snapshot(sid(1)).error).toEqual({ code: 'limits', temporary: true });
  });

  it('keeps its object as long as nothing changes', () => {
    client.put([recording(1, 1, 'ready')]);
    expect(client.snapshot(sid(1))).toBe(client.snapshot(sid(1)));
    expect(client.snapshot(sid(2))).toBe(client.snapshot(sid(3)));
  });

  it('of an unknown type is ignored', () => {
    online();
    FakeSocket.last.says({ type: 'applause' });
    expect(client.link.phase).toBe('online');
  });
});

describe('the token', () => {
  it('is asked for before it ends, and refreshed on the same line', () => {
    online();
    FakeSocket.last.says({ type: 'expiring', in_ms: 30_000 });
    expect(expiring).toEqual([30_000]);
    client.refresh('d.e.f');
    expect(FakeSocket.last.sent).toEqual([{ type: 'refresh', token: 'd.e.f' }]);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('that comes after the line has stopped starts it again', () => {
    online();
    FakeSocket.last.ends(4401);
    client.refresh('d.e.f');
    expect(FakeSocket.last.protocols).toContain('landfall.bearer.d.e.f');
  });
});

describe('more SIDs than the server allows', () => {
  const open = (max_sids: number) => {
    client.start();
    FakeSocket.last.welcomes({ max_sids });
  };
  const answered = (states: [number, 'ready' | 'queued'][]) => {
    const { id } = FakeSocket.last.of('subscribe').at(-1)!;
    FakeSocket.last.says({ type: 'subscribed', id, recordings: states.map(([n, state]) => recording(n, 1, state)) });
  };

  it('take turns: what is settled makes room for what has not been seen', async () => {
    open(2);
    for (const n of [1, 2, 3]) client.subscribe(sid(n), 'watch', nobody);
    await settle();
    answered([[1, 'ready'], [2, 'queued']]);
    await settle();
    expect(FakeSocket.last.of('unsubscribe').map(({ sids }) => sids)).toEqual([[sid(1)]]);
    expect(FakeSocket.last.of('subscribe').at(-1)?.sids).toEqual([sid(3)]);
    answered([[3, 'ready']]);
    await settle();
    expect(FakeSocket.last.of('subscribe')).toHaveLength(2);
    expect([1, 2, 3].map(state)).toEqual(['ready', 'queued', 'ready']);
  });

  it('say so where nothing makes room, and are seen as soon as something does', async () => {
    open(2);
    client.subscribe(sid(1), 'watch', nobody);
    const leave = client.subscribe(sid(2), 'watch', nobody);
    client.subscribe(sid(3), 'watch', nobody);
    await settle();
    answered([[1, 'queued'], [2, 'queued']]);
    await settle();
    expect(client.view(sid(3))).toMatchObject({ phase: 'failed', code: 'sids_per_socket', temporary: true });
    leave();
    await settle();
    answered([[3, 'queued']]);
    expect(client.view(sid(3)).phase).toBe('queued');
  });

  it('leave room for what somebody wants to hear', async () => {
    open(1);
    client.subscribe(sid(1), 'watch', nobody);
    await settle();
    answered([[1, 'ready']]);
    client.subscribe(sid(2), 'play', nobody);
    await settle();
    expect(FakeSocket.last.of('subscribe').at(-1)).toMatchObject({ sids: [sid(2)], intent: 'play' });
  });
});

describe('who holds the line', () => {
  it('holds it until each has let go', () => {
    client.start();
    client.start();
    FakeSocket.last.welcomes();
    client.stop();
    expect(client.link.phase).toBe('online');
    client.stop();
    expect(client.link.phase).toBe('idle');
  });
});

describe('trying again', () => {
  it('asks anew for what was refused, and shows that it does', async () => {
    online();
    client.subscribe(sid(1), 'watch', nobody);
    await settle();
    const error = { code: 'catalog_unavailable', temporary: true };
    FakeSocket.last.says({ type: 'subscribed', id: 1, recordings: [{ sid: sid(1), error }] });
    expect(client.view(sid(1)).phase).toBe('failed');
    client.retry(sid(1));
    await settle();
    expect(client.view(sid(1)).phase).toBe('watching');
    expect(FakeSocket.last.of('subscribe')).toHaveLength(2);
  });

  it('opens a line that had stopped', () => {
    online();
    FakeSocket.last.ends(4429);
    expect(client.view(sid(1))).toMatchObject({ phase: 'offline', code: 'limits' });
    client.retry(sid(1));
    expect(client.link.phase).toBe('connecting');
  });
});
