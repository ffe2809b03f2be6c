/** The wire of `landfall.v1`: state objects and messages. Knows no socket and no store. */

export const PROTOCOL = 'landfall.v1';

export type State = 'unknown' | 'queued' | 'downloading' | 'ready' | 'failed' | 'gone';

/** `watch` starts nothing; `play` also starts the download. */
export type Intent = 'watch' | 'play';

/** A recording's state at one moment. Times are RFC 3339, sizes bytes; members that do not apply are left out. */
export interface Recording {
  sid: string;
  /** Grows by one with each change of state; compares within one epoch only. */
  v: number;
  state: State;
  call_sid?: string;
  recording_sid?: string;
  received?: number;
  total?: number;
  url?: string;
  size?: number;
  etag?: string;
  content_type?: string;
  duration_ms?: number;
  channels?: number;
  peaks_url?: string;
  started_at?: string;
  from?: string;
  to?: string;
  direction?: string;
  title?: string;
  /** Why it failed, is gone, or is being tried again. */
  code?: string;
  /** Of a failure: whether another play may help. */
  temporary?: boolean;
  /** When the next try begins, between two tries. */
  retry_at?: string;
}

/** Why the server has no state for a SID. */
export interface SidError {
  code: string;
  temporary: boolean;
}

export interface Progress {
  sid: string;
  v: number;
  received: number;
  total?: number;
}

export type ServerMessage =
  | { type: 'welcome'; epoch: string; ping_ms: number; max_sids: number }
  | { type: 'subscribed'; id: number; recordings: (Recording | { sid: string; error: SidError })[] }
  | ({ type: 'progress' } & Progress)
  | ({ type: 'ready' | 'failed' | 'gone' | 'state' } & Recording)
  | { type: 'unsubscribed'; id: number }
  | { type: 'refreshed'; expires_at: string }
  | { type: 'ping' | 'pong' }
  | { type: 'expiring'; in_ms: number }
  | { type: 'drain'; reconnect_in_ms: number }
  | { type: 'error'; id?: number; sid?: string; code: string; message: string };

export type ClientMessage =
  | { type: 'subscribe'; id: number; sids: string[]; intent: Intent }
  | { type: 'unsubscribe'; id: number; sids: string[] }
  | { type: 'refresh'; token: string }
  | { type: 'ping' | 'pong' };

/** The message in a frame; `undefined` for what is none. Types that are not known yet are the caller's to ignore. */
export function parse(frame: unknown): ServerMessage | undefined {
  if (typeof frame !== 'string') return undefined;
  try {
    const message: unknown = JSON.parse(frame);
    const isMessage = typeof message === 'object' && message !== null && 'type' in message;
    return isMessage ? (message as ServerMessage) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a wait for this recording is over. */
export function isSettled(state: State): boolean {
  return state === 'ready' || state === 'failed' || state === 'gone';
}
