/** What a user is shown. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Link } from './connection';
import { selecting } from './select';
import { createClient } from './shared';
import { Store } from './store';
import { recording, sid } from './testing';
import { view } from './view';

const online: Link = { phase: 'online', carrier: 'socket' };
const offline: Link = { phase: 'connecting', offline: true };
const stopped = (mend: 'token' | 'forbidden' | 'limits' | 'message'): Link => ({ phase: 'stopped', code: 4400, mend });

describe('the phase', () => {
  it.each(['queued', 'downloading', 'ready', 'failed', 'gone'] as const)('of one that is %s is that', (state) => {
    expect(view({ recording: recording(1, 1, state) }, online).phase).toBe(state);
  });

  it('of what is not known, or was not asked for, is watching', () => {
    expect(view({}, { phase: 'idle' }).phase).toBe('watching');
    expect(view({ recording: recording(1, 1, 'unknown') }, online).phase).toBe('watching');
  });

  it('is offline only for what could change unseen, and not at the first hiccup', () => {
    expect(view({ recording: recording(1, 1, 'downloading') }, offline).phase).toBe('offline');
    expect(view({ recording: recording(1, 1, 'ready') }, offline).phase).toBe('ready');
    expect(view({}, { phase: 'connecting', offline: false }).phase).toBe('watching');
  });

  it('says who has to do something when the line is down for good', () => {
    expect(view({}, stopped('token')).phase).toBe('signed_out');
    expect(view({}, stopped('forbidden')).phase).toBe('forbidden');
    expect(view({}, stopped('limits'))).toMatchObject({ phase: 'offline', code: 'limits', temporary: true });
    expect(view({}, stopped('message'))).toMatchObject({ phase: 'offline', temporary: false });
  });

  it('tells what does not exist from what could not be had now', () => {
    expect(view({ error: { code: 'not_found', temporary: false } }, online).phase).toBe('not_found');
    const busy = { error: { code: 'overloaded', temporary: true } };
    expect(view(busy, online)).toMatchObject({ phase: 'failed', code: 'overloaded', temporary: true });
  });

  it('says when the next try begins, and why there is one', () => {
    const more = { code: 'source_busy', temporary: true, retry_at: '2026-01-01T00:00:05Z' } as const;
    const shown = view({ recording: recording(1, 1, 'queued', more) }, online);
    expect(shown).toMatchObject({ code: 'source_busy', retryAt: Date.UTC(2026, 0, 1, 0, 0, 5) });
  });
});

describe('a download', () => {
  let store: Store;
  beforeEach(() => {
    vi.useFakeTimers();
    store = new Store();
    store.answer(recording(1, 1, 'downloading', { received: 0, total: 4_000_000 }));
  });
  afterEach(() => void vi.useRealTimers());
  const comes = (received: number, ms = 250) => {
    vi.advanceTimersByTime(ms);
    store.progress({ sid: sid(1), v: 1, received, total: 4_000_000 });
    return store.get(sid(1)).download!;
  };

  it('has no time left before its speed is known', () => {
    expect(store.get(sid(1)).download).toEqual({ received: 0, total: 4_000_000, percent: 0 });
  });

  it('has the time left that its speed makes', () => {
    expect(comes(100_000)).toMatchObject({ percent: 2, secondsLeft: 10 });
  });

  it('does not jump with each gust', () => {
    comes(100_000);
    const calm = comes(200_000).secondsLeft!;
    const gust = comes(500_000).secondsLeft!;
    expect(gust).toBeLessThan(calm);
    expect(gust).toBeGreaterThan(calm / 2);
  });

  it('that stands still has more and more time left', () => {
    comes(100_000);
    expect(comes(100_000, 10_000).secondsLeft).toBeGreaterThan(100);
  });

  it('that begins anew is measured anew', () => {
    comes(2_000_000);
    expect(comes(1000)).toMatchObject({ received: 1000, secondsLeft: undefined });
  });

  it('is whole only at its end, and says no percent of an unknown whole', () => {
    expect(comes(3_999_999).percent).toBe(99);
    expect(comes(4_000_000).percent).toBe(100);
    store.answer(recording(2, 1, 'downloading', { received: 7 }));
    expect(store.get(sid(2)).download).toEqual({ received: 7 });
  });
});

describe('a selection', () => {
  it('is the same object while its part is the same', () => {
    let from = { a: 1, b: 1 };
    const read = selecting(() => from, ({ a }) => ({ a }));
    const first = read();
    from = { a: 1, b: 2 };
    expect(read()).toBe(first);
    from = { a: 2, b: 2 };
    expect(read()).toEqual({ a: 2 });
  });
});

describe('the store', () => {
  it('keeps what is looked at, and not more of the rest than it must', () => {
    const store = new Store();
    store.listen(sid(0), () => {});
    for (let n = 0; n < 12_000; n++) store.answer(recording(n, 1, 'ready'));
    expect(store.get(sid(0)).recording?.state).toBe('ready');
    expect(store.get(sid(11_999)).recording?.state).toBe('ready');
    expect(store.get(sid(1)).recording).toBeUndefined();
  });
});

describe('the client of a page', () => {
  it('is one per server', () => {
    const one = createClient({ server: 'http://one/' });
    expect(createClient({ server: 'http://one' })).toBe(one);
    expect(createClient({ server: 'http://other' })).not.toBe(one);
  });

  it('keeps its view while nothing changes', () => {
    const client = createClient({ server: 'http://views' });
    expect(client.view(sid(1))).toBe(client.view(sid(1)));
    client.put([recording(1, 1, 'ready')]);
    expect(client.view(sid(1)).phase).toBe('ready');
  });
});
