/** Where sockets are blocked: an event stream, then held requests, and back to the socket. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from './client';
import { FakeServer, turn, type Asked } from './testing.http';
import { FakeSocket, recording, sid } from './testing';

let client: Client;
let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  FakeSocket.install();
  server = new FakeServer();
  server.install();
  client = new Client({ server: 'http://here', token: 'a.b.c' });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const state = (n: number) => client.snapshot(sid(n)).recording?.state;
const events = () => server.of('/api/recordings/events').at(-1)!;
const reached = async (asked: Asked = server.last) => {
  expect(asked.path).toBe('/api/recordings?limit=1');
  asked.answer(200, { items: [] });
  await turn();
};
/** Three sockets fail before their `welcome`. */
const blocked = async () => {
  client.start();
  for (const pause of [250, 500, 1000]) {
    FakeSocket.last.ends(1006);
    await vi.advanceTimersByTimeAsync(pause);
  }
  expect(FakeSocket.all).toHaveLength(3);
  // The code of the fallbacks is loaded by now, in real time.
  await vi.dynamicImportSettled();
  await turn();
};
/** The event stream is blocked too. */
const neither = async () => {
  await blocked();
  server.last.answer(502);
  await turn();
  await vi.advanceTimersByTimeAsync(2000);
  await turn();
};

describe('where sockets are blocked', () => {
  it('an event stream is asked for after three attempts in vain, with the token in a header', async () => {
    await blocked();
    await reached();
    expect(client.link).toEqual({ phase: 'online', carrier: 'events' });
    expect(server.last.headers.get('Authorization')).toBe('Bearer a.b.c');
  });

  it('a socket that was welcomed once in between is not', async () => {
    client.start();
    for (const pause of [250, 500]) {
      FakeSocket.last.ends(1006);
      await vi.advanceTimersByTimeAsync(pause);
    }
    FakeSocket.last.welcomes();
    FakeSocket.last.ends(1006);
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.all).toHaveLength(4);
    expect(server.asked).toEqual([]);
  });

  it('the network coming back begins with the socket again', async () => {
    await blocked();
    await vi.advanceTimersByTimeAsync(4000);
    window.dispatchEvent(new Event('online'));
    expect(FakeSocket.all).toHaveLength(4);
  });
});

describe('an event stream', () => {
  beforeEach(blocked);

  it('follows all that is wanted of one moment, and says what the socket says', async () => {
    for (const n of [1, 2]) client.watch(sid(n));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    expect(events().path).toBe(`/api/recordings/events?sid=${sid(1)}&sid=${sid(2)}`);
    const stream = events().stream();
    stream.write({ type: 'welcome', epoch: 'e1', ping_ms: 15_000, max_sids: 256 });
    stream.write({ type: 'state', ...recording(1, 4, 'queued') });
    stream.write({ type: 'error', sid: sid(2), code: 'not_found', message: '' });
    await turn();
    expect(state(1)).toBe('queued');
    expect(client.view(sid(2)).phase).toBe('not_found');
  });

  it('is read whole wherever the network cuts it', async () => {
    client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    const stream = events().stream();
    const text = `: hello\n\nevent: ready\ndata: ${JSON.stringify({ type: 'ready', ...recording(1, 4, 'ready', { title: 'שלום' }) })}\n\n`;
    for (const part of text.match(/[^]{1,7}/gu)!) stream.write(part);
    await turn();
    expect(client.snapshot(sid(1)).recording?.title).toBe('שלום');
  });

  it('is opened anew for more, not for less', async () => {
    const leave = client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    const first = events();
    first.stream();
    client.watch(sid(2));
    await vi.advanceTimersByTimeAsync(50);
    expect(first.signal?.aborted).toBe(true);
    expect(server.of('/api/recordings/events')).toHaveLength(2);
    leave();
    await vi.advanceTimersByTimeAsync(50);
    expect(server.of('/api/recordings/events')).toHaveLength(2);
  });

  it('starts a download by a request, and takes the answer', async () => {
    client.play(sid(1));
    await reached();
    const asked = server.of(`/api/recordings/${sid(1)}/prepare`)[0]!;
    expect(asked.method).toBe('POST');
    asked.answer(202, { status: 'processing', ...recording(1, 2, 'queued') });
    await turn();
    expect(state(1)).toBe('queued');
  });

  it('of a recording that nobody knows ends in `not_found`, and not in more requests', async () => {
    client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    events().answer(404, { code: 'not_found' });
    await turn();
    expect(client.view(sid(1)).phase).toBe('not_found');
    await vi.advanceTimersByTimeAsync(4000);
    expect(server.of('/api/recordings/events')).toHaveLength(1);
  });

  it('that falls silent or ends is lost, and asked for again', async () => {
    client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    events().stream().end();
    await turn();
    expect(client.link.phase).toBe('connecting');
  });

  it('whose token has ended stops, where nobody gives another', async () => {
    client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    events().stream().write({ type: 'error', code: 'token_expired', message: '' });
    await turn();
    expect(client.link).toEqual({ phase: 'stopped', code: 4401, mend: 'token' });
  });

  it('that carries nothing although the server was reached makes it the turn of held requests', async () => {
    client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    events().fail();
    await turn();
    await vi.advanceTimersByTimeAsync(2000);
    await reached();
    expect(client.link).toEqual({ phase: 'online', carrier: 'held' });
  });

  it('makes room for the socket as soon as that works again', async () => {
    client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    const { signal } = events();
    events().stream();
    await vi.advanceTimersByTimeAsync(5000);
    expect(FakeSocket.all).toHaveLength(4);
    expect(client.link).toEqual({ phase: 'online', carrier: 'events' });
    FakeSocket.last.welcomes();
    expect(client.link).toEqual({ phase: 'online', carrier: 'socket' });
    expect(FakeSocket.last.of('subscribe')).toMatchObject([{ sids: [sid(1)], intent: 'watch' }]);
    expect(signal?.aborted).toBe(true);
    FakeSocket.last.ends(1006);
    expect(client.link.phase).toBe('connecting');
  });

  it('tries the socket less and less often while that fails', async () => {
    await reached();
    const at: number[] = [];
    const began = Date.now();
    for (let second = 0; second < 80; second++) {
      const before = FakeSocket.all.length;
      await vi.advanceTimersByTimeAsync(1000);
      if (FakeSocket.all.length === before) continue;
      at.push((Date.now() - began) / 1000);
      FakeSocket.last.ends(1006);
    }
    expect(at).toEqual([5, 15, 35, 75]);
  });

  it('leaves no timer and no request behind', async () => {
    client.watch(sid(1));
    await reached();
    await vi.advanceTimersByTimeAsync(50);
    const { signal } = events();
    events().stream();
    client.stop();
    await turn();
    expect(signal?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('requests that are held', () => {
  beforeEach(neither);

  it('wait for what is played, one after the other, until it is there', async () => {
    client.play(sid(1));
    await reached();
    expect(client.link).toEqual({ phase: 'online', carrier: 'held' });
    server.last.answer(202, recording(1, 2, 'queued'));
    await turn();
    const held = () => server.of(`/api/recordings/file/${sid(1)}?wait=25`);
    expect(held()).toHaveLength(1);
    held()[0]!.answer(202);
    await turn();
    server.last.answer(200, recording(1, 3, 'downloading', { received: 1, total: 4 }));
    await turn();
    expect(state(1)).toBe('downloading');
    expect(held()).toHaveLength(2);
    held()[1]!.answer(206);
    await turn();
    server.last.answer(200, recording(1, 4, 'ready'));
    await turn();
    expect(state(1)).toBe('ready');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(held()).toHaveLength(2);
  });

  it('are for the last byte, which comes with the landing, and held anew where it takes long', async () => {
    client.play(sid(1));
    await reached();
    server.last.answer(202, recording(1, 2, 'queued'));
    await turn();
    const held = () => server.of(`/api/recordings/file/${sid(1)}?wait=25`);
    expect(held()[0]!.headers.get('range')).toBe('bytes=-1');
    const looks = () => server.of(`/api/recordings/${sid(1)}`).filter(({ path }) => !path.endsWith('/prepare'));
    held()[0]!.stream();
    await vi.advanceTimersByTimeAsync(24_000);
    expect(looks()).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1000);
    looks()[0]!.answer(200, recording(1, 3, 'downloading'));
    await turn();
    expect(held()).toHaveLength(2);
    const body = held()[1]!.stream();
    await turn();
    expect(looks()).toHaveLength(1);
    body.end();
    await turn();
    looks()[1]!.answer(200, recording(1, 4, 'ready'));
    await turn();
    expect(state(1)).toBe('ready');
  });

  it('are few at once, and look seldom at what nobody plays', async () => {
    for (const n of [1, 2, 3, 4]) client.play(sid(n));
    client.watch(sid(9));
    await reached();
    for (const n of [1, 2, 3, 4]) server.of(`/api/recordings/${sid(n)}/prepare`)[0]!.answer(202, recording(n, 1, 'queued'));
    const looks = () => server.asked.filter(({ path }) => path === `/api/recordings/${sid(9)}`);
    looks()[0]!.answer(200, recording(9, 1, 'queued'));
    await turn();
    expect(server.of('/api/recordings/file/')).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(looks()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1000);
    looks()[1]!.answer(200, recording(9, 2, 'ready'));
    await turn();
    expect(state(9)).toBe('ready');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(looks()).toHaveLength(2);
  });

  it('that fail make it the turn of the socket again', async () => {
    server.last.fail();
    await turn();
    expect(client.link).toEqual({ phase: 'connecting', offline: true });
    await vi.advanceTimersByTimeAsync(4000);
    expect(FakeSocket.all).toHaveLength(4);
  });
});
