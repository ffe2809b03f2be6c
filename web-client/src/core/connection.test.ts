import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Connection, type Link } from './connection';
import type { LineMessage } from './line';
import { openSocket } from './socket';
import { FakeSocket } from './testing';
import { Tokens } from './tokens';

let links: Link[];
let messages: LineMessage[];
let connection: Connection;
let tokens: Tokens;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  FakeSocket.install();
  links = [];
  messages = [];
  tokens = new Tokens(undefined);
  connection = new Connection([['socket', (token, heard) => openSocket('ws://here/ws/recordings', token, heard)]], tokens, {
    link: (link) => links.push(link),
    message: (message) => messages.push(message),
  });
});

afterEach(() => {
  connection.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const visible = (state: 'visible' | 'hidden') => {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  document.dispatchEvent(new Event('visibilitychange'));
};

describe('the handshake', () => {
  it('names the subprotocol, and the token only when one is held', () => {
    connection.start();
    expect(FakeSocket.last.protocols).toEqual(['landfall.v1']);
    tokens.current = 'a.b.c';
    FakeSocket.last.ends(1006);
    vi.advanceTimersByTime(250);
    expect(FakeSocket.last.protocols).toEqual(['landfall.v1', 'landfall.bearer.a.b.c']);
  });

  it('is online only after the welcome', () => {
    connection.start();
    expect(connection.link.phase).toBe('connecting');
    expect(connection.send({ type: 'ping' })).toBe(false);
    FakeSocket.last.welcomes();
    expect(connection.link.phase).toBe('online');
  });

  it('is given up when no welcome comes', () => {
    connection.start();
    vi.advanceTimersByTime(15_000);
    expect(FakeSocket.all[0]!.closed).toBe(true);
    vi.advanceTimersByTime(250);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('happens once, however often the page starts', () => {
    connection.start();
    connection.start();
    FakeSocket.last.welcomes();
    connection.start();
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe('a line that stands', () => {
  beforeEach(() => {
    connection.start();
    FakeSocket.last.welcomes();
  });

  it('answers a ping with a pong', () => {
    FakeSocket.last.says({ type: 'ping' });
    expect(FakeSocket.last.sent).toEqual([{ type: 'pong' }]);
  });

  it('survives frames that are no messages', () => {
    for (const data of ['{', '7', 'null', '"x"', new ArrayBuffer(2)]) FakeSocket.last.onmessage?.({ data });
    expect(connection.link.phase).toBe('online');
    expect(messages.map((message) => message.type)).toEqual(['welcome']);
  });

  it('is lost after ten seconds more silence than a ping takes', () => {
    vi.advanceTimersByTime(34_999);
    expect(connection.link.phase).toBe('online');
    vi.advanceTimersByTime(1);
    expect(connection.link.phase).toBe('connecting');
    expect(FakeSocket.last.closed).toBe(true);
  });

  it('lives as long as any frame comes', () => {
    for (let n = 0; n < 10; n++) {
      vi.advanceTimersByTime(30_000);
      FakeSocket.last.says({ type: 'ping' });
    }
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('is probed when the page becomes visible, and lost when nothing answers', () => {
    visible('visible');
    expect(FakeSocket.last.sent).toEqual([{ type: 'ping' }]);
    vi.advanceTimersByTime(10_000);
    expect(connection.link.phase).toBe('connecting');
  });

  it('is kept when the probe is answered', () => {
    window.dispatchEvent(new Event('online'));
    FakeSocket.last.says({ type: 'pong' });
    vi.advanceTimersByTime(30_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('runs no timer but the watchdog', () => {
    expect(vi.getTimerCount()).toBe(1);
    connection.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('hears nothing more from a socket that was let go', () => {
    const old = FakeSocket.last;
    connection.stop();
    connection.start();
    old.says({ type: 'welcome', epoch: 'e1', ping_ms: 25_000, max_sids: 256 });
    old.ends(4401);
    expect(connection.link.phase).toBe('connecting');
  });
});

describe('a line that is lost', () => {
  it('comes back with full jitter, over longer and longer spans up to half a minute', () => {
    connection.start();
    const spans: number[] = [];
    for (let n = 0; n < 9; n++) {
      const before = FakeSocket.all.length;
      FakeSocket.last.ends(1006);
      let waited = 0;
      while (FakeSocket.all.length === before) {
        vi.advanceTimersByTime(50);
        waited += 50;
      }
      spans.push(waited);
    }
    expect(spans).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it('keeps backing off while it flaps, and starts anew after it has held', () => {
    connection.start();
    for (const pause of [250, 500, 1000]) {
      FakeSocket.last.welcomes();
      FakeSocket.last.ends(1006);
      vi.advanceTimersByTime(pause);
    }
    expect(FakeSocket.all).toHaveLength(4);
    FakeSocket.last.welcomes();
    vi.advanceTimersByTime(10_000);
    FakeSocket.last.ends(4503);
    vi.advanceTimersByTime(250);
    expect(FakeSocket.all).toHaveLength(5);
  });

  it.each(['online', 'visible'])('does not wait any longer once the machine is back: %s', (event) => {
    connection.start();
    FakeSocket.last.ends(1006);
    if (event === 'online') window.dispatchEvent(new Event('online'));
    else visible('visible');
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(14_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('is left alone when the page is hidden', () => {
    connection.start();
    FakeSocket.last.ends(1006);
    visible('hidden');
    expect(FakeSocket.all).toHaveLength(1);
  });

  it.each([1000, 1001, 1005, 1006, 1011, 1012, 4500, 4501, 4502, 4503])('reconnects after %i', (code) => {
    connection.start();
    FakeSocket.last.welcomes();
    FakeSocket.last.ends(code);
    vi.advanceTimersByTime(250);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it.each([
    [4400, 'message'],
    [4401, 'token'],
    [4403, 'forbidden'],
    [4406, 'protocol'],
    [4408, 'token'],
    [4429, 'limits'],
    [4499, 'message'],
    [1009, 'message'],
  ] as const)('stops after %i and says what to mend: %s', (code, mend) => {
    connection.start();
    FakeSocket.last.welcomes();
    FakeSocket.last.ends(code);
    expect(connection.link).toEqual({ phase: 'stopped', code, mend });
    window.dispatchEvent(new Event('online'));
    vi.advanceTimersByTime(600_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('starts again when it is told to, after what was wrong has been mended', () => {
    connection.start();
    FakeSocket.last.ends(4401);
    connection.start();
    FakeSocket.last.welcomes();
    expect(links.map((link) => link.phase)).toEqual(['connecting', 'stopped', 'connecting', 'online']);
  });
});

describe('a server that drains', () => {
  beforeEach(() => {
    connection.start();
    FakeSocket.last.welcomes();
    FakeSocket.last.says({ type: 'drain', reconnect_in_ms: 4000 });
  });

  it('is left after the time it asked for, and not before', () => {
    vi.advanceTimersByTime(3999);
    expect(connection.link.phase).toBe('online');
    vi.advanceTimersByTime(1);
    expect(FakeSocket.all.map((socket) => socket.closed)).toEqual([true, false]);
  });

  it('may close earlier without calling anybody back earlier', () => {
    vi.advanceTimersByTime(1000);
    FakeSocket.last.ends(4501);
    vi.advanceTimersByTime(2999);
    expect(FakeSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(14_000);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe('what the machine says of its network', () => {
  it('that it is gone is believed when the line does not answer within three seconds', () => {
    connection.start();
    FakeSocket.last.welcomes();
    window.dispatchEvent(new Event('offline'));
    expect(FakeSocket.last.sent).toEqual([{ type: 'ping' }]);
    vi.advanceTimersByTime(2999);
    expect(connection.link.phase).toBe('online');
    vi.advanceTimersByTime(1);
    expect(connection.link.phase).toBe('connecting');
  });

  it('that it is gone is not believed of a line that answers, such as one to this machine', () => {
    connection.start();
    FakeSocket.last.welcomes();
    window.dispatchEvent(new Event('offline'));
    FakeSocket.last.says({ type: 'pong' });
    vi.advanceTimersByTime(30_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('is told to the user at once while there is no line, and otherwise after two attempts in vain', () => {
    connection.start();
    FakeSocket.last.ends(1006);
    expect(connection.link).toEqual({ phase: 'connecting', offline: false });
    window.dispatchEvent(new Event('offline'));
    expect(connection.link).toEqual({ phase: 'connecting', offline: true });
    window.dispatchEvent(new Event('online'));
    FakeSocket.last.ends(1006);
    expect(connection.link).toEqual({ phase: 'connecting', offline: true });
  });

  it('makes an attempt from before it was back start anew, and leaves a young one alone', () => {
    connection.start();
    vi.advanceTimersByTime(1000);
    window.dispatchEvent(new Event('online'));
    expect(FakeSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(4000);
    window.dispatchEvent(new Event('online'));
    expect(FakeSocket.all.map((socket) => socket.closed)).toEqual([true, false]);
  });

  it('counts for a page that comes out of the back/forward cache too', () => {
    connection.start();
    FakeSocket.last.welcomes();
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    expect(FakeSocket.last.sent).toEqual([{ type: 'ping' }]);
  });
});

describe('a socket', () => {
  it('that the browser refuses to make counts as one that failed', () => {
    vi.stubGlobal('WebSocket', class {
      constructor() {
        throw new DOMException('the subprotocol is invalid', 'SyntaxError');
      }
    });
    connection.start();
    vi.advanceTimersByTime(0);
    expect(connection.link.phase).toBe('connecting');
    FakeSocket.install();
    vi.advanceTimersByTime(250);
    FakeSocket.last.welcomes();
    expect(connection.link.phase).toBe('online');
  });

  it('that is closing takes no more messages, and throws nothing', () => {
    connection.start();
    FakeSocket.last.welcomes();
    FakeSocket.last.readyState = 2;
    expect(connection.send({ type: 'ping' })).toBe(true);
    expect(FakeSocket.last.sent).toEqual([]);
  });

  it('that was stopped while it opened is closed, and no timer is left', () => {
    connection.start();
    connection.stop();
    expect(FakeSocket.last.closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    FakeSocket.last.welcomes();
    expect(connection.link.phase).toBe('idle');
  });
});
