/** What stands in for a socket's messages where there is none: requests, and their errors as close codes. */

import { ProblemError, type Http } from './http';
import type { LineEvents, LineMessage } from './line';
import { isSettled, type ClientMessage, type Recording, type SidError } from './protocol';

type Subscribe = Extract<ClientMessage, { type: 'subscribe' }>;

/** The close code that says the same as this failure. */
export function closeCode(error: unknown): number {
  const status = error instanceof ProblemError ? error.status : error;
  return status === 401 ? 4401 : status === 403 ? 4403 : 1006;
}

/** Whether the server is there and takes our credentials: the `welcome` of a line without a socket. */
export async function reach(http: Http, signal: AbortSignal, max_sids: number): Promise<LineMessage> {
  await http.json('/api/recordings?limit=1', { signal });
  // Each line counts as an epoch of its own until the server has named it: what it answers is the state of that moment.
  return { type: 'welcome', epoch: `line ${Math.random()}`, ping_ms: Infinity, max_sids };
}

/** A recording's state, or why there is none. */
export async function ask(http: Http, sid: string, signal: AbortSignal): Promise<Recording | Refused> {
  try {
    return (await http.json(`/api/recordings/${sid}`, { signal })) as Recording;
  } catch (error) {
    return refused(sid, error);
  }
}

export type Refused = { sid: string; error: SidError };

/** Starts the downloads of a `subscribe` with the intent to play, and answers it. */
export async function prepare(http: Http, { id, sids }: Subscribe, signal: AbortSignal, events: LineEvents) {
  const one = async (sid: string) => {
    try {
      return (await http.json(`/api/recordings/${sid}/prepare`, { method: 'POST', signal })) as Recording;
    } catch (error) {
      // Of what is gone the state itself says more than the refusal does.
      const isGone = error instanceof ProblemError && error.status === 410;
      return isGone ? ask(http, sid, signal) : refused(sid, error);
    }
  };
  const recordings = await Promise.all(sids.map(one));
  if (!signal.aborted) events.message({ type: 'subscribed', id, recordings });
  return recordings;
}

/** The message that a state makes. */
export function stateMessage(recording: Recording): LineMessage {
  const { state } = recording;
  return { type: isSettled(state) ? (state as 'ready' | 'failed' | 'gone') : 'state', ...recording };
}

function refused(sid: string, error: unknown): Refused {
  const why = error instanceof ProblemError ? error : { code: 'unreachable', temporary: true };
  return { sid, error: { code: why.code, temporary: why.temporary } };
}
