/** What is known of each recording, by version and epoch. Knows no socket and nobody's wishes. */

import type { Progress, Recording, SidError } from './protocol';

/** What is known of one SID; replaced, never changed, so that it can be compared by identity. */
export interface Snapshot {
  readonly recording?: Recording;
  readonly error?: SidError;
}

const NOTHING: Snapshot = {};

/** Holds as many snapshots as the page has listed or subscribed to. */
export class Store {
  #snapshots = new Map<string, Snapshot>();
  #listeners = new Map<string, Set<() => void>>();
  #seen = new Map<string, number>();
  #epoch: string | undefined;

  get(sid: string): Snapshot {
    return this.#snapshots.get(sid) ?? NOTHING;
  }

  listen(sid: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(sid) ?? new Set();
    this.#listeners.set(sid, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(sid) === listeners) this.#listeners.delete(sid);
    };
  }

  /** Another epoch counts anew: what was shown stays until it is told otherwise, its version means nothing. */
  enter(epoch: string): void {
    if (epoch !== this.#epoch) this.#seen.clear();
    this.#epoch = epoch;
  }

  /** A pushed change: news only when its version is higher than any seen. */
  change(recording: Recording): void {
    if (recording.v > this.#version(recording.sid)) this.#put(recording);
  }

  /** An answer with the state of its moment: the same version may still say more, such as bytes or a title. */
  answer(recording: Recording): void {
    if (recording.v >= this.#version(recording.sid)) this.#put(recording);
  }

  progress({ sid, v, received, total }: Progress): void {
    const { recording } = this.get(sid);
    const seen = this.#version(sid);
    if (v < seen || (v === seen && recording?.state !== 'downloading')) return;
    // A higher version here means that the change itself was skipped in favour of this.
    const { code: _, retry_at: __, temporary: ___, ...about } = recording ?? { sid };
    this.#put({ ...about, sid, v, state: 'downloading', received, ...(total === undefined ? {} : { total }) });
  }

  fail(sid: string, error: SidError): void {
    this.#set(sid, { ...this.get(sid), error });
  }

  #version(sid: string): number {
    return this.#seen.get(sid) ?? -1;
  }

  #put(recording: Recording): void {
    this.#seen.set(recording.sid, recording.v);
    this.#set(recording.sid, { recording });
  }

  #set(sid: string, snapshot: Snapshot): void {
    this.#snapshots.set(sid, snapshot);
    for (const listener of [...(this.#listeners.get(sid) ?? [])]) listener();
  }
}
