/** Every state that a player and a row can be in, as plain data: no server, no clock. */

import type { Recording } from '../../src/core';
import type { PlayerState } from '../../src/playback';

export interface Case {
  name: string;
  recording: Recording;
  /** What the player shows beyond, or instead of, what follows from the recording. */
  look: Partial<PlayerState>;
}

const LENGTH_MS = 227_000;
const SIZE = 3_632_000;

const sidOf = (n: number) => `CA${n.toString(16).padStart(32, '0')}`;

let made = 0;
function called(name: string, recording: Partial<Recording>, look: Partial<PlayerState>): Case {
  const n = ++made;
  const sid = sidOf(n);
  return {
    name,
    recording: {
      sid,
      v: 1,
      state: 'unknown',
      call_sid: sid,
      started_at: new Date(2026, 2, 1, 9, 30 + n).toISOString(),
      from: '+972 3-555-0142',
      to: 'Support',
      direction: n % 2 ? 'inbound' : 'outbound',
      duration_ms: LENGTH_MS,
      channels: 2,
      ...(n % 3 === 0 ? { title: 'שיחת מכירה – חבילה עסקית' } : n % 3 === 1 ? { title: 'Invoice question' } : {}),
      ...recording,
    },
    look,
  };
}

const READY = { state: 'ready', size: SIZE, content_type: 'audio/mpeg', url: '/nowhere', etag: '"1"' } as const;
const HEARD = { status: 'ready', time: 83, buffered: [[0, 140]], duration: LENGTH_MS / 1000, canSkipSilence: true } as const;

export const CASES: readonly Case[] = [
  called('watching', {}, { status: 'watching' }),
  called('queued', { state: 'queued' }, { status: 'queued', wanted: true }),
  called(
    'queued again',
    { state: 'queued', code: 'not_yet_at_source', retry_at: new Date(2026, 2, 1, 9, 45, 12).toISOString() },
    { status: 'queued', wanted: true, code: 'not_yet_at_source', retryAt: new Date(2026, 2, 1, 9, 45, 12).getTime() },
  ),
  called(
    'downloading',
    { state: 'downloading', received: 1_562_000, total: SIZE },
    {
      status: 'downloading',
      wanted: true,
      progress: { received: 1_562_000, total: SIZE, percent: 43, secondsLeft: 9 },
    },
  ),
  called(
    'downloading, length unknown',
    { state: 'downloading', received: 812_000 },
    { status: 'downloading', wanted: true, progress: { received: 812_000 } },
  ),
  called('ready', READY, { status: 'ready', canSkipSilence: true }),
  called('playing', READY, { ...HEARD, playing: true }),
  called('playing a selection', READY, { ...HEARD, playing: true, selection: [70, 110], rate: 1.5, skipsSilence: true }),
  called('one side', { ...READY, channels: 1 }, { ...HEARD, stereo: false }),
  called('buffering', READY, { ...HEARD, playing: true, buffering: true, time: 201 }),
  called('wants a click', READY, { status: 'ready', blocked: true }),
  called('link renewing', READY, { ...HEARD, status: 'renewing', playing: true }),
  called(
    'failed, may help',
    { state: 'failed', code: 'source_failed', temporary: true },
    { status: 'failed', code: 'source_failed', temporary: true },
  ),
  called(
    'failed for good',
    { state: 'failed', code: 'source_unauthorized', temporary: false },
    { status: 'failed', code: 'source_unauthorized', temporary: false },
  ),
  called('erased', { state: 'gone', code: 'erased' }, { status: 'gone', code: 'erased' }),
  called('expired', { state: 'gone', code: 'expired' }, { status: 'gone', code: 'expired' }),
  called('offline', { state: 'queued' }, { status: 'offline', wanted: true }),
  called('signed out', {}, { status: 'signed_out', code: 'token' }),
  called('forbidden', {}, { status: 'forbidden', code: 'forbidden' }),
  called('not found', {}, { status: 'not_found', code: 'not_found' }),
];
