/** The WebSocket as a line. Knows no reconnecting and no recordings. */

import type { Line, LineEvents } from './line';
import { parse, PROTOCOL } from './protocol';

export function openSocket(url: string, token: string | undefined, events: LineEvents): Line {
  // The token never goes into the URL, which proxies log.
  const protocols = token ? [PROTOCOL, `landfall.bearer.${token}`] : [PROTOCOL];
  const socket = new WebSocket(url, protocols);
  socket.onmessage = (event: MessageEvent) => events.message(parse(event.data));
  socket.onclose = (event: CloseEvent) => events.closed(event.code);
  return {
    // A socket that is opening throws, one that is closing swallows: either way the next line begins with everything.
    send: (message) => {
      if (socket.readyState === 1) socket.send(JSON.stringify(message));
    },
    close: () => {
      // Firefox reports a close after `close()`, up to a minute later: by then another line stands.
      socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}
