/** For tests: a WebSocket whose other end is the test. */

import { vi } from 'vitest';
import type { ClientMessage, Recording } from './protocol';

export class FakeSocket {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }
  static install(): void {
    FakeSocket.all = [];
    vi.stubGlobal('WebSocket', FakeSocket);
  }

  sent: ClientMessage[] = [];
  closed = false;
  readyState = 1;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(
    public url: string,
    public protocols: string[],
  ) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage);
  }

  close(): void {
    this.closed = true;
  }

  /** The server says this. */
  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  welcomes(more: object = {}): void {
    this.says({ type: 'welcome', epoch: 'e1', ping_ms: 25_000, max_sids: 256, ...more });
  }

  /** The line ends with this code. */
  ends(code: number): void {
    this.onclose?.({ code });
  }

  /** What was sent of this type. */
  of<T extends ClientMessage['type']>(type: T): Extract<ClientMessage, { type: T }>[] {
    return this.sent.filter((message): message is Extract<ClientMessage, { type: T }> => message.type === type);
  }
}

/** What is batched per microtask happens. */
export const settle = (): Promise<void> => Promise.resolve();

export const sid = (n: number): string => `CA${n.toString(16).padStart(32, '0')}`;

export const recording = (
  n: number,
  v: number,
  state: Recording['state'],
  more: Partial<Recording> = {},
): Recording => ({
  sid: sid(n),
  call_sid: sid(n),
  v,
  state,
  ...more,
});
