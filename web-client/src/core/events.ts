/** Server-Sent Events as a line, for networks that block sockets. Read by `fetch`: `EventSource` cannot bring a token. */

import type { Http } from './http';
import { BLOCKED, type Line, type LineEvents } from './line';
import { parse, type ClientMessage } from './protocol';
import { closeCode, prepare, reach } from './requests';

/** What one rendering pass wants becomes one stream. */
const GATHER_MS = 50;
/** The server says something at least that often, and some grace. */
const QUIET_MS = 25_000;
/** SIDs of a stream: they travel in its address, and proxies take 8 kB of that. */
export const MOST_SIDS = 150;

export function openEvents(http: Http, events: LineEvents): Line {
  const over = new AbortController();
  const sids = new Set<string>();
  let stream: AbortController | undefined;
  /** Something came through: what ends from then on has not been blocked. */
  let streamed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const close = () => {
    clearTimeout(timer);
    over.abort();
    stream?.abort();
  };
  const end = (code: number) => {
    if (over.signal.aborted) return;
    close();
    events.closed(code === 1006 && !streamed ? BLOCKED : code);
  };
  const fail = (error: unknown) => end(closeCode(error));

  /** A stream cannot be told of more: another takes its place, and opens with the state of every SID. */
  const reopen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stream?.abort();
      stream = undefined;
      if (sids.size > 0) void read((stream = new AbortController()));
    }, GATHER_MS);
  };

  const read = async (mine: AbortController) => {
    const search = [...sids].map((sid) => `sid=${sid}`).join('&');
    let watchdog = setTimeout(() => end(1006), QUIET_MS);
    try {
      const answer = await http.fetch(`/api/recordings/events?${search}`, { signal: mine.signal });
      if (answer.status === 404) {
        const error = { code: 'not_found', temporary: false };
        events.message({ type: 'subscribed', id: 0, recordings: [...sids].map((sid) => ({ sid, error })) });
        return;
      }
      if (!answer.ok || !answer.body) throw answer.status;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (mine.signal.aborted) return;
        if (done) throw 0;
        streamed = true;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => end(1006), QUIET_MS);
        const lines = (rest + value).split('\n');
        rest = lines.pop()!;
        for (const line of lines) if (line.startsWith('data:')) hear(line.slice(5));
      }
    } catch (error) {
      if (!mine.signal.aborted) fail(error);
    } finally {
      clearTimeout(watchdog);
    }
  };

  const hear = (data: string) => {
    const message = parse(data);
    if (message?.type === 'welcome') events.message({ type: 'epoch', epoch: message.epoch });
    else if (message?.type === 'error' && message.code === 'token_expired') end(4401);
    else events.message(message);
  };

  reach(http, over.signal, MOST_SIDS).then((welcome) => events.message(welcome), fail);

  return {
    close,
    send(message: ClientMessage) {
      switch (message.type) {
        case 'subscribe':
          if (message.intent === 'play') void prepare(http, message, over.signal, events);
          if (message.sids.every((sid) => sids.has(sid))) return;
          for (const sid of message.sids) sids.add(sid);
          return reopen();
        case 'unsubscribe':
          // The stream says a little too much until it is opened anew; nobody listens to that.
          for (const sid of message.sids) sids.delete(sid);
          if (sids.size === 0) reopen();
          return;
        case 'ping':
          reach(http, over.signal, MOST_SIDS).then(() => events.message({ type: 'pong' }), fail);
      }
    },
  };
}
