/** The page's one line to the server: opens, watches, reconnects. Knows messages about the line, not about recordings. */

import { BLOCKED, type Line, type LineEvents, type LineMessage, type OpenLine } from './line';
import { backoff, mend, type Mend } from './policy';
import type { ClientMessage } from './protocol';
import type { Tokens } from './tokens';
import { Trial } from './trial';
import { isOffline, onWake, type Wake } from './wake';

/** What carries the line: the socket, an event stream, or requests that are held. */
export type Carrier = 'socket' | 'events' | 'held';

/** How the line stands. `connecting` covers every attempt and the pauses between them. */
export type Link =
  | { phase: 'idle' }
  /** `offline`: it has been tried in vain, or the machine says that it has no network. */
  | { phase: 'connecting'; offline: boolean }
  | { phase: 'online'; carrier: Carrier }
  | { phase: 'stopped'; code: number; mend: Mend };

/** From the attempt to the `welcome`. */
const CONNECT_MS = 15_000;
/** Grace beyond the server's ping interval, and what a probe may take. */
const GRACE_MS = 10_000;
/** What a probe may take when the machine says that its network is gone; how old an attempt may be when it is back. */
const DOUBT_MS = 3000;
/** A line that held less long than this was flapping: its loss does not start the backoff anew. */
const STEADY_MS = 10_000;
/** Attempts in vain until the user is told; fewer would flicker at each restart of a server. */
const VAIN = 2;
/** Attempts in vain until the socket counts as blocked. Another carrier gets one. */
const STRIKES = 3;

export interface Events {
  link(link: Link): void;
  message(message: LineMessage): void;
}

export class Connection {
  #carriers: readonly [Carrier, OpenLine][];
  #tokens: Tokens;
  #events: Events;
  #trial: Trial;
  #link: Link = { phase: 'idle' };
  #line: Line | undefined;
  #deafen: (() => void) | undefined;
  #reopen: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #quietMs = CONNECT_MS;
  #attempt = 0;
  /** Attempts since the last welcome, and those of them with the carrier in use. */
  #vain = 0;
  #strikes = 0;
  #carrier = 0;
  #dialledAt = 0;
  #welcomedAt: number | undefined;
  /** Grows when what was begun is given up: a token that comes too late opens nothing. */
  #turn = 0;

  /** `carriers`, best first. */
  constructor(carriers: readonly [Carrier, OpenLine][], tokens: Tokens, events: Events) {
    this.#carriers = carriers;
    this.#tokens = tokens;
    this.#events = events;
    this.#trial = new Trial(
      (heard) => this.#dial(0, heard),
      (line) => {
        this.#drop();
        [this.#line, this.#carrier] = [line, 0];
        return this.#heard;
      },
    );
  }

  get link(): Link {
    return this.#link;
  }

  start(): void {
    if (this.#link.phase === 'connecting' || this.#link.phase === 'online') return;
    this.#deafen = onWake((why) => this.#wake(why));
    this.#attempt = this.#vain = this.#strikes = this.#carrier = 0;
    this.#set({ phase: 'connecting', offline: isOffline() });
    this.#open();
  }

  stop(): void {
    this.#halt({ phase: 'idle' });
  }

  /** Sends, or says that the line is down: what matters is sent again after the next `welcome`. */
  send(message: ClientMessage): boolean {
    if (this.#link.phase !== 'online') return false;
    this.#line?.send(message);
    return true;
  }

  #open(): void {
    this.#release();
    const reason = this.#tokens.due;
    if (!reason) return this.#connect();
    const turn = this.#turn;
    this.#tokens.renew(reason).then(
      (token) => {
        if (turn !== this.#turn) return;
        if (token === undefined) this.#halt({ phase: 'stopped', code: 4401, mend: 'token' });
        else this.#connect();
      },
      () => {
        if (turn !== this.#turn) return;
        this.#vain++;
        this.#retry();
      },
    );
  }

  #connect(): void {
    this.#dialledAt = Date.now();
    this.#line = this.#dial(this.#carrier, this.#heard);
    this.#watch(CONNECT_MS);
  }

  #dial(carrier: number, heard: LineEvents): Line {
    try {
      return this.#carriers[carrier]![1](this.#tokens.current, heard);
    } catch {
      // A policy of the page, or a token that no subprotocol can carry: another carrier may do.
      const timer = setTimeout(() => heard.closed(1006));
      return { send() {}, close: () => clearTimeout(timer) };
    }
  }

  #heard: LineEvents = {
    message: (message) => this.#receive(message),
    closed: (code) => this.#lost(code),
  };

  #receive(message: LineMessage | undefined): void {
    if (message?.type === 'welcome') this.#welcome(message.ping_ms);
    this.#watch(this.#welcomedAt === undefined ? CONNECT_MS : this.#quietMs);
    if (!message || message.type === 'pong') return;
    if (message.type === 'ping') this.send({ type: 'pong' });
    else if (message.type === 'drain') this.#reopenIn(message.reconnect_in_ms);
    else this.#events.message(message);
  }

  #welcome(pingMs: number): void {
    this.#quietMs = pingMs + GRACE_MS;
    this.#welcomedAt = Date.now();
    this.#vain = this.#strikes = 0;
    this.#tokens.accepted();
    if (this.#carrier > 0) this.#trial.start();
    this.#set({ phase: 'online', carrier: this.#carriers[this.#carrier]![0] });
  }

  #lost(code: number): void {
    const wasSteady = this.#welcomedAt !== undefined && Date.now() - this.#welcomedAt >= STEADY_MS;
    const draining = this.#reopen !== undefined;
    const wrong = mend(code);
    const renewing = wrong === 'token' && this.#tokens.refused();
    if (wrong && !renewing) return this.#halt({ phase: 'stopped', code, mend: wrong });
    if ((this.#welcomedAt === undefined || code === BLOCKED) && !renewing) this.#strike();
    this.#drop();
    if (wasSteady) this.#attempt = 0;
    if (renewing && this.#attempt++ === 0) this.#open();
    // A draining server has said when to come back; its closing the line earlier changes nothing about that.
    else if (!draining) this.#retry();
    this.#set({ phase: 'connecting', offline: this.#vain >= VAIN || isOffline() });
  }

  /** One more attempt in vain; after some of them it is another carrier's turn, and the socket's again after the last. */
  #strike(): void {
    this.#vain++;
    if (++this.#strikes < (this.#carrier === 0 ? STRIKES : 1)) return;
    this.#strikes = 0;
    this.#carrier = (this.#carrier + 1) % this.#carriers.length;
  }

  #retry(): void {
    this.#reopenIn(backoff(this.#attempt++));
  }

  #reopenIn(ms: number): void {
    clearTimeout(this.#reopen);
    this.#reopen = setTimeout(() => {
      this.#set({ phase: 'connecting', offline: this.#vain >= VAIN || isOffline() });
      this.#open();
    }, ms);
  }

  /** Whatever arrives proves the line; silence longer than this does not close it properly, so it counts as lost. */
  #watch(ms: number): void {
    clearTimeout(this.#watchdog);
    if (ms !== Infinity) this.#watchdog = setTimeout(() => this.#lost(1006), ms);
  }

  /** The network or the user is back: do not wait any longer, and do not trust an old line. */
  #wake(why: Wake): void {
    if (this.#link.phase === 'online') {
      this.send({ type: 'ping' });
      this.#watch(why === 'offline' ? DOUBT_MS : GRACE_MS);
    } else if (why === 'offline') {
      this.#set({ phase: 'connecting', offline: true });
    } else {
      // What failed while there was no network says nothing about what is blocked.
      if (why === 'online') this.#strikes = this.#carrier = 0;
      if (!this.#line || Date.now() - this.#dialledAt > DOUBT_MS) this.#open();
    }
  }

  #halt(link: Link): void {
    this.#deafen?.();
    this.#release();
    this.#set(link);
  }

  #release(): void {
    this.#turn++;
    clearTimeout(this.#reopen);
    this.#reopen = undefined;
    this.#drop();
  }

  #drop(): void {
    this.#trial.stop();
    clearTimeout(this.#watchdog);
    this.#welcomedAt = undefined;
    const line = this.#line;
    this.#line = undefined;
    line?.close();
  }

  #set(link: Link): void {
    if (JSON.stringify(link) === JSON.stringify(this.#link)) return;
    this.#link = link;
    this.#events.link(link);
  }
}
