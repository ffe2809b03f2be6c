/** Tokens that are asked for: at the start, before they end, and when the server did not take them. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from './client';
import { FakeServer, turn } from './testing.http';
import { FakeSocket } from './testing';
import type { TokenReason } from './tokens';

let client: Client;
let server: FakeServer;
let reasons: TokenReason[];
let give: () => Promise<string | undefined>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  FakeSocket.install();
  server = new FakeServer();
  server.install();
  reasons = [];
  let n = 0;
  give = async () => `token.${++n}.x`;
  const getToken = (reason: TokenReason) => {
    reasons.push(reason);
    return give();
  };
  client = new Client({ server: 'http://here', getToken });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const bearer = () => FakeSocket.last.protocols[1]?.replace('landfall.bearer.', '');
const online = async () => {
  client.start();
  await turn();
  FakeSocket.last.welcomes();
};

describe('a token', () => {
  it('is got before the first handshake', async () => {
    client.start();
    expect(FakeSocket.all).toEqual([]);
    await turn();
    expect(bearer()).toBe('token.1.x');
    expect(reasons).toEqual(['start']);
  });

  it('that comes after the line was stopped opens nothing', async () => {
    client.start();
    client.stop();
    await turn();
    expect(FakeSocket.all).toEqual([]);
  });

  it('is renewed on the same line before it ends', async () => {
    await online();
    FakeSocket.last.says({ type: 'expiring', in_ms: 30_000 });
    await turn();
    expect(FakeSocket.last.sent).toEqual([{ type: 'refresh', token: 'token.2.x' }]);
    expect([FakeSocket.all.length, reasons]).toEqual([1, ['start', 'expiring']]);
  });

  it('that was not taken is replaced at once, and the line opened with the new one', async () => {
    await online();
    FakeSocket.last.ends(4401);
    await turn();
    expect(bearer()).toBe('token.2.x');
    expect(client.link.phase).toBe('connecting');
    FakeSocket.last.welcomes();
    expect(reasons).toEqual(['start', 'rejected']);
  });

  it('that was not taken either ends the tries: somebody has to sign in', async () => {
    await online();
    FakeSocket.last.ends(4401);
    await turn();
    FakeSocket.last.ends(4401);
    await turn();
    expect(client.link).toEqual({ phase: 'stopped', code: 4401, mend: 'token' });
    expect(client.view('CA1').phase).toBe('signed_out');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that nobody has means that nobody is signed in', async () => {
    give = async () => undefined;
    client.start();
    await turn();
    expect(client.link).toMatchObject({ phase: 'stopped', mend: 'token' });
    expect(FakeSocket.all).toEqual([]);
  });

  it('that cannot be had now is asked for again, with jitter', async () => {
    const good = give;
    give = () => Promise.reject(new Error('no network'));
    client.start();
    await turn();
    expect(client.link.phase).toBe('connecting');
    give = good;
    await vi.advanceTimersByTimeAsync(250);
    expect(bearer()).toBe('token.1.x');
  });

  it('is asked for once, however many need it', async () => {
    await online();
    const answers = [1, 2, 3].map((n) => client.fetch(`/api/${n}`));
    await turn();
    for (const asked of [...server.asked]) asked.answer(401);
    await turn();
    expect(reasons).toEqual(['start', 'rejected']);
    for (const asked of server.asked.slice(3)) {
      expect(asked.headers.get('Authorization')).toBe('Bearer token.2.x');
      asked.answer(200);
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(FakeSocket.last.sent).toEqual([{ type: 'refresh', token: 'token.2.x' }]);
  });
});

describe('signing in as somebody else', () => {
  it('forgets what the one before has seen, and opens the line anew', async () => {
    await online();
    client.put([{ sid: 'CA1', call_sid: 'CA1', v: 1, state: 'ready' }]);
    client.reset('other.token.x');
    expect(client.snapshot('CA1')).toEqual({});
    expect(bearer()).toBe('other.token.x');
  });
});
