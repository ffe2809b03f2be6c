/** The page's one WebSocket: opens, watches, reconnects. Knows messages about the line, not about recordings. */

import { backoff, mend, type Mend } from './policy';
import { parse, PROTOCOL, type ClientMessage, type ServerMessage } from './protocol';

/** How the line stands. `connecting` covers every attempt and the pauses between them. */
export type Link = { phase: 'idle' | 'online' } | { phase: 'connecting'; offline?: boolean } | { phase: 'stopped'; code: number; mend: Mend };

/** From the attempt to the `welcome`. */
const CONNECT_MS = 15_000;
/** Grace beyond the server's ping interval, and what a probe may take. */
const GRACE_MS = 10_000;
/** A line that held less long than this was flapping: its loss does not start the backoff anew. */
const STEADY_MS = 10_000;

export interface Events {
  link(link: Link): void;
  message(message: ServerMessage): void;
}

export class Connection {
  #url: string;
  #events: Events;
  #link: Link = { phase: 'idle' };
  #socket: WebSocket | undefined;
  #reopen: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #quietMs = CONNECT_MS;
  #attempt = 0;
  #welcomedAt: number | undefined;

  /** Goes into the next handshake; without one the browser's cookie speaks for the user. */
  token: string | undefined;

  constructor(url: string, token: string | undefined, events: Events) {
    this.#url = url;
    this.token = token;
    this.#events = events;
  }

  get link(): Link {
    return this.#link;
  }

  start(): void {
    if (this.#link.phase === 'connecting' || this.#link.phase === 'online') return;
    window.addEventListener('online', this.#wake);
    document.addEventListener('visibilitychange', this.#wakeIfVisible);
    this.#attempt = 0;
    this.#set({ phase: 'connecting' });
    this.#open();
  }

  stop(): void {
    this.#halt({ phase: 'idle' });
  }

  /** Sends, or says that the line is down: what matters is sent again after the next `welcome`. */
  send(message: ClientMessage): boolean {
    if (this.#link.phase !== 'online') return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  #open(): void {
    this.#release();
    const protocols = this.token ? [PROTOCOL, `landfall.bearer.${this.token}`] : [PROTOCOL];
    const socket = new WebSocket(this.#url, protocols);
    socket.onmessage = (event: MessageEvent) => this.#receive(event.data);
    socket.onclose = (event: CloseEvent) => this.#lost(event.code);
    this.#socket = socket;
    this.#watch(CONNECT_MS);
  }

  #receive(frame: unknown): void {
    const message = parse(frame);
    if (message?.type === 'welcome') {
      this.#quietMs = message.ping_ms + GRACE_MS;
      this.#welcomedAt = Date.now();
    }
    this.#watch(this.#welcomedAt === undefined ? CONNECT_MS : this.#quietMs);
    if (!message) return;
    switch (message.type) {
      case 'pong':
        return;
      case 'ping':
        this.send({ type: 'pong' });
        return;
      case 'drain':
        this.#reopenIn(message.reconnect_in_ms);
        return;
      case 'welcome':
        this.#set({ phase: 'online' });
    }
    this.#events.message(message);
  }

  #lost(code: number): void {
    const wasSteady = this.#welcomedAt !== undefined && Date.now() - this.#welcomedAt >= STEADY_MS;
    const draining = this.#reopen !== undefined;
    const wrong = mend(code);
    if (wrong) {
      this.#halt({ phase: 'stopped', code, mend: wrong });
      return;
    }
    this.#drop();
    if (wasSteady) this.#attempt = 0;
    // A draining server has said when to come back; its closing the line earlier changes nothing about that.
    if (!draining) this.#reopenIn(backoff(this.#attempt++));
    this.#set({ phase: 'connecting' });
  }

  #reopenIn(ms: number): void {
    clearTimeout(this.#reopen);
    this.#reopen = setTimeout(() => {
      this.#set({ phase: 'connecting' });
      this.#open();
    }, ms);
  }

  /** Whatever arrives proves the line; silence longer than this does not close it properly, so it counts as lost. */
  #watch(ms: number): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(1006), ms);
  }

  /** The network or the user is back: do not wait any longer, and do not trust an old line. */
  #wake = (): void => {
    if (this.#link.phase === 'connecting' && !this.#socket) this.#open();
    else if (this.send({ type: 'ping' })) this.#watch(GRACE_MS);
  };

  #wakeIfVisible = (): void => {
    if (document.visibilityState === 'visible') this.#wake();
  };

  #halt(link: Link): void {
    window.removeEventListener('online', this.#wake);
    document.removeEventListener('visibilitychange', this.#wakeIfVisible);
    this.#release();
    this.#set(link);
  }

  #release(): void {
    clearTimeout(this.#reopen);
    this.#reopen = undefined;
    this.#drop();
  }

  #drop(): void {
    clearTimeout(this.#watchdog);
    this.#welcomedAt = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #set(link: Link): void {
    if (link.phase === this.#link.phase) return;
    this.#link = link;
    this.#events.link(link);
  }
}
