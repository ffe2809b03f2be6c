/** Links: asked for once, kept while they hold, renewed before they do not. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from './client';
import { ProblemError } from './http';
import { FakeServer, turn } from './testing.http';
import { FakeSocket, recording, sid } from './testing';

let server: FakeServer;
let client: Client;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  FakeSocket.install();
  server = new FakeServer();
  server.install();
  client = new Client({ server: 'http://here/', token: 'a.b.c' });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const link = (minutes = 10, n = 1) => ({
  url: `http://here/file?n=${n}`,
  expires_at: new Date(Date.now() + minutes * 60_000).toISOString(),
  duration_ms: 4000,
  peaks_url: 'http://here/peaks',
});

describe('a link', () => {
  it('is what the server signs', async () => {
    const source = client.getSource(sid(1), 'download');
    expect([server.last.method, server.last.path]).toEqual(['POST', `/api/recordings/${sid(1)}/link`]);
    server.last.answer(200, link());
    expect(await source).toEqual({
      url: 'http://here/file?n=1',
      expiresAt: Date.now() + 600_000,
      durationMs: 4000,
      peaksUrl: 'http://here/peaks',
    });
  });

  it('is asked for once by all who want it at that moment, and kept', async () => {
    const both = [client.getSource(sid(1)), client.getSource(sid(1))];
    server.last.answer(200, link());
    const [one, other] = await Promise.all(both);
    expect(one).toBe(other);
    expect(await client.getSource(sid(1))).toBe(one);
    expect(server.asked).toHaveLength(1);
  });

  it('is another one for another purpose', () => {
    void client.getSource(sid(1), 'play');
    void client.getSource(sid(1), 'download');
    expect(server.asked).toHaveLength(2);
  });

  it('is renewed half a minute before it expires, and at once after a refusal', async () => {
    const first = client.getSource(sid(1));
    server.last.answer(200, link());
    await first;
    await vi.advanceTimersByTimeAsync(569_000);
    await client.getSource(sid(1));
    expect(server.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2000);
    void client.getSource(sid(1));
    expect(server.asked).toHaveLength(2);
    server.last.answer(200, link(10, 2));
    await turn();
    void client.getSource(sid(1), 'play', { fresh: true });
    expect(server.asked).toHaveLength(3);
  });

  it('that is refused says why, and whether asking again may help', async () => {
    const refused = client.getSource(sid(1));
    server.last.answer(503, { code: 'catalog_unavailable', message: 'Soon.', message_he: 'בקרוב.' });
    const error: unknown = await refused.catch((why: unknown) => why);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      status: 503,
      code: 'catalog_unavailable',
      temporary: true,
      messages: { en: 'Soon.', he: 'בקרוב.' },
    });
    const again = client.getSource(sid(1));
    server.last.fail();
    await expect(again).rejects.toMatchObject({ status: 0, code: 'unreachable', temporary: true });
  });

  it('to what has been erased is not kept', async () => {
    const first = client.getSource(sid(1));
    server.last.answer(200, link());
    await first;
    client.start();
    FakeSocket.last.welcomes();
    FakeSocket.last.says({ type: 'gone', ...recording(1, 3, 'gone') });
    void client.getSource(sid(1));
    expect(server.of(`/api/recordings/${sid(1)}/link`)).toHaveLength(2);
  });

  it('may be signed by the embedder', async () => {
    const source = { url: 'https://elsewhere/x', expiresAt: Date.now() + 60_000 };
    const getSource = vi.fn(() => Promise.resolve(source));
    const own = new Client({ getSource });
    expect(await own.getSource(sid(1))).toBe(source);
    expect(getSource).toHaveBeenCalledWith(sid(1), 'play');
    expect(server.asked).toEqual([]);
  });
});
