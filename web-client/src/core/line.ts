/** What carries the protocol: a socket, or what stands in for one where sockets are blocked. */

import type { ClientMessage, ServerMessage } from './protocol';

/** `epoch`: who counts versions has been told again, on a line that is already welcome. */
export type LineMessage = ServerMessage | { type: 'epoch'; epoch: string };

/** In place of a close code: the server was reached, and yet this carrier carried nothing. */
export const BLOCKED = 0;

export interface LineEvents {
  /** Something arrived; `undefined` for what is no message, and still proves that the line lives. */
  message(message: LineMessage | undefined): void;
  /** The line has ended, with a close code of the protocol or `BLOCKED`. Nothing follows. */
  closed(code: number): void;
}

/** One attempt. Its first message is `welcome`; after `close` it says nothing more. */
export interface Line {
  send(message: ClientMessage): void;
  close(): void;
}

export type OpenLine = (token: string | undefined, events: LineEvents) => Line;
