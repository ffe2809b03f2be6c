/** What a player shows at one moment, put together from the server's view and the sound's. Pure. */

import type { Download, Phase, Recording, View } from '../core';
import type { Sound, Span } from './sound';
import type { Trouble } from './trouble';

/** A recording's phase, and `renewing`: it had been playing, and waits for another link. `ready` is also what can be heard while it still comes. */
export type Status = Phase | 'renewing';

/** Replaced, never changed: compare by identity. Times are seconds. */
export interface PlayerState {
  readonly sid: string;
  readonly status: Status;
  readonly recording: Recording | undefined;
  /** Why it failed, is gone, or waits. */
  readonly code: string | undefined;
  /** Whether trying again may help. */
  readonly temporary: boolean;
  /** When the server tries again, milliseconds since 1970. */
  readonly retryAt: number | undefined;
  readonly progress: Download | undefined;
  /** Play was pressed, and it starts by itself when it can. */
  readonly wanted: boolean;
  readonly playing: boolean;
  /** Wants to play and lacks data. */
  readonly buffering: boolean;
  /** The browser wants one more click before it makes a sound. */
  readonly blocked: boolean;
  readonly time: number;
  readonly duration: number | undefined;
  readonly buffered: readonly Span[];
  readonly rate: number;
  /** 0 to 1. */
  readonly volume: number;
  readonly muted: boolean;
  /** Played over and over. */
  readonly selection: Span | undefined;
  readonly skipsSilence: boolean;
  /** Whether the waveform is there that tells silence. */
  readonly canSkipSilence: boolean;
  /** -1, the first side alone, to 1, the second. */
  readonly balance: number;
  /** Whether there are two sides. */
  readonly stereo: boolean;
  /** A download was asked for, and begins when it can. */
  readonly saving: boolean;
  /** Why the last download did not begin. */
  readonly saveTrouble: Trouble | undefined;
  /** A link was copied a moment ago. */
  readonly copied: boolean;
}

export const NO_SPANS: readonly Span[] = [];

/** What of a view and a sound is shown: trouble with the sound counts only while the server says that there is one. */
export function shown(view: View, sound: Pick<Sound, 'phase' | 'trouble'>) {
  const { phase, code, temporary } = view;
  if (phase !== 'ready') {
    // What can be heard already is there for whoever listens.
    if (sound.phase === 'open') return { status: 'ready' as const, code: undefined, temporary: false };
    return { status: phase, code, temporary };
  }
  if (sound.phase === 'renewing') return { status: 'renewing' as const, code: undefined, temporary: true };
  if (sound.phase === 'failed' && sound.trouble) return { status: statusOf(sound.trouble.code), ...sound.trouble };
  return { status: phase, code: undefined, temporary: false };
}

function statusOf(code: string): Status {
  if (/^(erased|expired|absent|deleted_at_source)$/.test(code)) return 'gone';
  return code === 'not_found' || code === 'forbidden' ? code : 'failed';
}
