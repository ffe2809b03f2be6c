/** The wire of `landfall.v1`: state objects and messages, by the server's own description. Knows no socket and no store. */

import type { ClientMessage, Recording, Refusal, ServerMessage, WireIntent } from './protocol.gen';

export type { ClientMessage, Recording, ServerMessage };

export const PROTOCOL = 'landfall.v1';

/** `watch` starts nothing; `play` also starts the download. */
export type Intent = WireIntent;
export type State = Recording['state'];
/** Why the server has no state for a SID. */
export type SidError = Refusal;
export type Progress = Omit<Extract<ServerMessage, { type: 'progress' }>, 'type'>;

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
