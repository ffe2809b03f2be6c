/** What an application holds: one line to the server, recordings by SID, and who wants them. No framework. */

import { Connection, type Carrier, type Link } from './connection';
import { events, held } from './fallback';
import { Http } from './http';
import type { LineMessage, OpenLine } from './line';
import { isSettled, type Intent, type Recording } from './protocol';
import { openSocket } from './socket';
import { signedBy, Sources, type GetSource, type Purpose, type Source, type SourceOptions } from './sources';
import { Store, type Snapshot } from './store';
import { Subscriptions } from './subscriptions';
import { Tokens, type GetToken } from './tokens';
import { view, type View } from './view';

export interface ClientOptions {
  /** Where Landfall is, such as `https://calls.example.com`; the page's own origin if absent. */
  server?: string | undefined;
  /** `ws://` or `wss://` URL of `/ws/recordings`, where that is not on `server`. */
  url?: string | undefined;
  /** A JWT; without one, and without `getToken`, the browser's cookie speaks for the user. */
  token?: string | undefined;
  /** Asked for a JWT when there is none, before it ends, and when the server did not take it. */
  getToken?: GetToken | undefined;
  /** Signs links in the server's place. */
  getSource?: GetSource | undefined;
  /** The token ends in so many milliseconds: hand a new one to `refresh`, now or when there is one. Not needed beside `getToken`. */
  onExpiring?: ((inMs: number) => void) | undefined;
}

export class Client {
  #options: ClientOptions;
  #tokens: Tokens;
  #http: Http;
  #sources: Sources;
  #connection: Connection;
  #store = new Store();
  #subscriptions: Subscriptions;
  #views = new Map<string, { snapshot: Snapshot; link: Link; view: View }>();
  #linkListeners = new Set<() => void>();
  #holders = 0;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#tokens = new Tokens(options.token, options.getToken, (token) => this.#connection.send({ type: 'refresh', token }));
    this.#http = new Http(() => this.server, this.#tokens);
    this.#sources = new Sources(options.getSource ?? signedBy(this.#http));
    const carriers: [Carrier, OpenLine][] = [
      ['socket', (token, heard) => openSocket(this.#socketUrl(), token, heard)],
      ['events', events(this.#http)],
      ['held', held(this.#http)],
    ];
    this.#connection = new Connection(carriers, this.#tokens, {
      link: () => {
        for (const listener of [...this.#linkListeners]) listener();
        this.#store.tell();
      },
      message: (message) => this.#receive(message),
    });
    this.#subscriptions = new Subscriptions({
      send: (message) => this.#connection.send(message),
      isSettled: (sid) => this.#isSettled(sid),
      noRoom: (sid) => {
        if (this.#store.get(sid).error?.code !== NO_ROOM) this.#store.fail(sid, { code: NO_ROOM, temporary: true });
      },
    });
  }

  /** Where Landfall is, without a slash at the end. */
  get server(): string {
    return (this.#options.server ?? (typeof location === 'undefined' ? '' : location.origin)).replace(/\/+$/, '');
  }

  /** Opens the line; it stays open until each `start` has had its `stop`. */
  start(): void {
    this.#holders++;
    this.#connection.start();
  }

  stop(): void {
    this.#holders = Math.max(0, this.#holders - 1);
    if (this.#holders === 0) this.#connection.stop();
  }

  /** How the line stands. */
  get link(): Link {
    return this.#connection.link;
  }

  onLink(listener: () => void): () => void {
    this.#linkListeners.add(listener);
    return () => this.#linkListeners.delete(listener);
  }

  /** What is known of a recording; the same object until that changes. */
  snapshot(sid: string): Snapshot {
    return this.#store.get(sid);
  }

  /** What to show of a recording, the line's state included; the same object until that changes. */
  view(sid: string): View {
    const snapshot = this.#store.get(sid);
    const { link } = this;
    const kept = this.#views.get(sid);
    if (kept?.snapshot === snapshot && kept.link === link) return kept.view;
    const fresh = { snapshot, link, view: view(snapshot, link) };
    if (this.#views.size >= MOST_VIEWS) this.#views.clear();
    this.#views.set(sid, fresh);
    return fresh.view;
  }

  /** Tells `listener` of every change of its snapshot or view; with an intent it also makes the server tell us. Ends with the returned function. */
  subscribe(sid: string, intent: Intent | undefined, listener: () => void): () => void {
    const deafen = this.#store.listen(sid, listener);
    const release = intent && this.#subscriptions.add(sid, intent);
    return () => {
      deafen();
      release?.();
    };
  }

  /** Wants to know; starts nothing. */
  watch(sid: string, listener: () => void = () => {}): () => void {
    return this.subscribe(sid, 'watch', listener);
  }

  /** Wants to hear: starts the download, ahead of prefetches. */
  play(sid: string, listener: () => void = () => {}): () => void {
    return this.subscribe(sid, 'play', listener);
  }

  /** Asks again: for a recording that is being played and has failed, for one that was refused, or for the line itself. */
  retry(sid: string): void {
    this.#store.pardon(sid);
    this.#subscriptions.askAgain(sid);
    if (this.link.phase === 'stopped') this.#connection.start();
  }

  /** What a list has told, so that nothing is blank until the first message. */
  put(recordings: readonly Recording[]): void {
    for (const recording of recordings) this.#store.answer(recording);
  }

  /** A link to the bytes, for as long as it holds the one that is kept. Rejects with `ProblemError`, or what the given `getSource` rejects with. */
  getSource(sid: string, purpose: Purpose = 'play', options?: SourceOptions): Promise<Source> {
    return this.#sources.get(sid, purpose, options);
  }

  /** `fetch` of a path of the server, with the user's credentials. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return this.#http.fetch(path, init);
  }

  /** A new token for the same tenant; a line that had stopped for want of one starts again. */
  refresh(token: string): void {
    this.#tokens.current = token;
    if (!this.#connection.send({ type: 'refresh', token }) && this.link.phase === 'stopped') this.#connection.start();
  }

  /** Somebody else will sign in: what was known, and every link, is forgotten; what is wanted is asked for anew. */
  reset(token?: string): void {
    const wasOpen = this.link.phase !== 'idle';
    this.#connection.stop();
    this.#tokens.current = token;
    this.#sources.forget();
    this.#store.clear();
    if (wasOpen) this.#connection.start();
  }

  #socketUrl(): string {
    return this.#options.url ?? `${this.server.replace(/^http/, 'ws')}/ws/recordings`;
  }

  #isSettled(sid: string): boolean {
    const state = this.#store.get(sid).recording?.state;
    return state !== undefined && isSettled(state);
  }

  #receive(message: LineMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#store.enter(message.epoch);
        return this.#subscriptions.restart(message.max_sids);
      case 'epoch':
        return this.#store.enter(message.epoch);
      case 'subscribed':
        this.#subscriptions.settle(message.id);
        for (const item of message.recordings) {
          if ('error' in item) this.#store.fail(item.sid, item.error);
          else this.#store.answer(item);
        }
        return;
      case 'error': {
        const refused = message.sid === undefined ? [] : [message.sid];
        if (message.id !== undefined) refused.push(...this.#subscriptions.settle(message.id));
        const { code } = message;
        for (const sid of refused) this.#store.fail(sid, { code, temporary: code !== 'not_found' });
        return;
      }
      case 'progress':
        return this.#store.progress(message);
      case 'ready':
      case 'failed':
      case 'gone':
      case 'state': {
        const { type, ...recording } = message;
        if (type === 'gone') this.#sources.forget(recording.sid);
        return this.#store.change(recording);
      }
      case 'expiring':
        this.#options.onExpiring?.(message.in_ms);
        // Who cannot get one now is asked again when the server has closed the line for want of one.
        if (this.#tokens.canRenew) this.#tokens.renew('expiring').catch(() => {});
    }
  }
}

/** The server's bound on SIDs, in the words of its own refusals. */
const NO_ROOM = 'sids_per_socket';
/** Views are cheap to make again. */
const MOST_VIEWS = 5000;
