/** Requests that the server holds, for networks where nothing streams. The last resort, and the only place that asks again. */

import type { Http } from './http';
import type { Line, LineEvents } from './line';
import { isSettled, type ClientMessage } from './protocol';
import { ask, closeCode, prepare, reach, stateMessage } from './requests';

/** Proxies close what is silent for a minute. */
const HOLD_S = 25;
/** Held at once: browsers open six connections to a host, and the sound needs one. */
const MOST_HELD = 2;
/** What nobody plays is looked at that seldom. */
const LOOK_MS = 30_000;
export const MOST_SIDS = 50;

export function openHeld(http: Http, events: LineEvents): Line {
  const over = new AbortController();
  const { signal } = over;
  /** What may still change, and whether somebody waits for it. */
  const open = new Map<string, boolean>();
  let held = 0;

  const close = () => {
    clearInterval(timer);
    over.abort();
  };
  const fail = (error: unknown) => {
    if (signal.aborted) return;
    close();
    events.closed(closeCode(error));
  };

  const look = async (sid: string) => {
    const now = await ask(http, sid, signal);
    if (signal.aborted || !open.has(sid)) return;
    if ('error' in now) {
      events.message({ type: 'subscribed', id: 0, recordings: [now] });
      // One recording that has no state now is no reason to stop looking, one that does not exist is.
      if (!now.error.temporary) open.delete(sid);
      return;
    }
    events.message(stateMessage(now));
    if (isSettled(now.state)) open.delete(sid);
  };

  const hold = async () => {
    while (!signal.aborted && held < MOST_HELD) {
      const sid = [...open].find(([, played]) => played)?.[0];
      if (sid === undefined) return;
      // Out of the queue while it is held, and at its end again after that.
      open.delete(sid);
      open.set(sid, false);
      held++;
      try {
        // What is still landing is sent as it comes, but its last byte only when all have landed.
        const headers = { Range: 'bytes=-1' };
        const answer = await http.fetch(`/api/recordings/file/${sid}?wait=${HOLD_S}`, { headers, signal });
        if (answer.status === 401 || answer.status === 403) return fail(answer.status);
        await ended(answer);
        await look(sid);
        // Whoever refuses to hold is not asked at once again.
        if (open.has(sid) && answer.ok) open.set(sid, true);
      } catch (error) {
        return fail(error);
      } finally {
        held--;
      }
    }
  };
  const holdAll = () => {
    for (let n = held; n < MOST_HELD; n++) void hold();
  };

  const timer = setInterval(() => {
    for (const [sid, played] of [...open]) if (!played) void look(sid);
  }, LOOK_MS);
  reach(http, signal, MOST_SIDS).then((welcome) => events.message(welcome), fail);

  return {
    close,
    send(message: ClientMessage) {
      switch (message.type) {
        case 'subscribe': {
          const played = message.intent === 'play';
          for (const sid of message.sids) open.set(sid, played || (open.get(sid) ?? false));
          if (!played) for (const sid of message.sids) void look(sid);
          else void prepare(http, message, signal, events).then(holdAll);
          return;
        }
        case 'unsubscribe':
          for (const sid of message.sids) open.delete(sid);
          return;
        case 'ping':
          reach(http, signal, MOST_SIDS).then(() => events.message({ type: 'pong' }), fail);
      }
    },
  };
}

/** Until the body has come, is cut, or has taken as long as a request is held. */
async function ended({ body }: Response): Promise<void> {
  const reader = body?.getReader();
  const timer = setTimeout(() => void reader?.cancel().catch(() => {}), HOLD_S * 1000);
  try {
    while (reader && !(await reader.read()).done);
  } catch {
    // Cut: the state says why.
  } finally {
    clearTimeout(timer);
  }
}
