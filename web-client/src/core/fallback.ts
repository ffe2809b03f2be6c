/** What stands in for the socket where that is blocked: few need it, so it is loaded when it is needed. */

import type { Http } from './http';
import type { Line, LineEvents, OpenLine } from './line';

type Open = (http: Http, events: LineEvents) => Line;

/** A line whose code is yet to be loaded. Where it cannot be, the line is lost like any other. */
function later(load: () => Promise<Open>, http: Http): OpenLine {
  return (_, events) => {
    let line: Line | undefined;
    let closed = false;
    load().then(
      (open) => {
        if (!closed) line = open(http, events);
      },
      () => {
        if (!closed) events.closed(1006);
      },
    );
    return {
      // Nothing is sent before the welcome.
      send: (message) => line?.send(message),
      close: () => {
        closed = true;
        line?.close();
      },
    };
  };
}

export const events = (http: Http): OpenLine => later(async () => (await import('./fallbacks')).openEvents, http);
export const held = (http: Http): OpenLine => later(async () => (await import('./fallbacks')).openHeld, http);
