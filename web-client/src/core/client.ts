/** What an application holds: one line to the server, recordings by SID, and who wants them. No framework. */

import { Connection, type Link } from './connection';
import { isSettled, type Intent, type Recording, type ServerMessage } from './protocol';
import { Http } from './http';
import { signedBy, Sources, type Purpose, type Source, type SourceOptions } from './sources';
import { Store, type Snapshot } from './store';
import { Tokens } from './tokens';
import { Subscriptions } from './subscriptions';

export interface ClientOptions {
  /** `ws://` or `wss://` URL of `/ws/recordings`. */
  url: string;
  /** A JWT; without one the browser's cookie speaks for the user. */
  token?: string | undefined;
  /** The token ends in so many milliseconds: hand a new one to `refresh`, now or when there is one. */
  onExpiring?: (inMs: number) => void;
}

export class Client {
  #connection: Connection;
  #store = new Store();
  #sources: Sources;
  #subscriptions = new Subscriptions((message) => this.#connection.send(message));
  #linkListeners = new Set<() => void>();
  #onExpiring: ((inMs: number) => void) | undefined;

  constructor({ url, token, onExpiring }: ClientOptions) {
    this.#onExpiring = onExpiring;
    this.#sources = new Sources(signedBy(new Http(() => url.replace(/^ws/, 'http').replace('/ws/recordings', ''), new Tokens(token, undefined))));
    this.#connection = new Connection(url, token, {
      link: () => {
        for (const listener of [...this.#linkListeners]) listener();
      },
      message: (message) => this.#receive(message),
    });
  }

  start(): void {
    this.#connection.start();
  }

  stop(): void {
    this.#connection.stop();
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

  /** Tells `listener` of every change; with an intent it also makes the server tell us. Ends with the returned function. */
  subscribe(sid: string, intent: Intent | undefined, listener: () => void): () => void {
    const deafen = this.#store.listen(sid, listener);
    const release = intent && this.#subscriptions.add(sid, intent);
    return () => {
      deafen();
      release?.();
    };
  }

  /** Asks again for a recording that is being played and has failed. */
  retry(sid: string): void {
    this.#subscriptions.askAgain(sid);
  }

  getSource(sid: string, purpose: Purpose, options?: SourceOptions): Promise<Source> {
    return this.#sources.get(sid, purpose, options);
  }

  /** What a list has told, so that nothing is blank until the first message. */
  put(recordings: readonly Recording[]): void {
    for (const recording of recordings) this.#store.answer(recording);
  }

  /** A new token for the same tenant; a line that had stopped for want of one starts again. */
  refresh(token: string): void {
    this.#connection.token = token;
    if (!this.#connection.send({ type: 'refresh', token }) && this.link.phase === 'stopped') this.start();
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#store.enter(message.epoch);
        this.#subscriptions.restart(message.max_sids, (sid) => {
          const state = this.#store.get(sid).recording?.state;
          return state !== undefined && isSettled(state);
        });
        return;
      case 'subscribed':
        this.#subscriptions.settle(message.id);
        for (const item of message.recordings) {
          if ('error' in item) this.#store.fail(item.sid, item.error);
          else this.#store.answer(item);
        }
        return;
      case 'error':
        if (message.id === undefined) return;
        for (const sid of this.#subscriptions.settle(message.id)) {
          this.#store.fail(sid, { code: message.code, temporary: true });
        }
        return;
      case 'progress':
        this.#store.progress(message);
        return;
      case 'ready':
      case 'failed':
      case 'gone':
      case 'state': {
        const { type: _, ...recording } = message;
        this.#store.change(recording);
        return;
      }
      case 'expiring':
        this.#onExpiring?.(message.in_ms);
    }
  }
}
