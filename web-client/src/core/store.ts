/** What is known of each recording, by version and epoch. Knows no socket and nobody's wishes. */

import { Pace, type Download } from './progress';
import type { Progress, Recording, SidError } from './protocol';

/** What is known of one SID; replaced, never changed, so that it can be compared by identity. */
export interface Snapshot {
  readonly recording?: Recording;
  readonly error?: SidError;
  /** While it is `downloading`. */
  readonly download?: Download;
}

const NOTHING: Snapshot = Object.freeze({});
/** Snapshots that are kept although nobody looks at them; those that are looked at are as many as the page shows. */
const MOST_IDLE = 5000;

/** Holds as many snapshots as the page has listed or subscribed to, within reason. */
export class Store {
  #snapshots = new Map<string, Snapshot>();
  #listeners = new Map<string, Set<() => void>>();
  #seen = new Map<string, number>();
  #paces = new Map<string, Pace>();
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

  /** Tells all listeners, of whatever recording. */
  tell(): void {
    for (const listeners of [...this.#listeners.values()]) for (const listener of [...listeners]) listener();
  }

  /** Another epoch counts anew: what was shown stays until it is told otherwise, its version means nothing. */
  enter(epoch: string): void {
    if (epoch !== this.#epoch) this.#seen.clear();
    this.#epoch = epoch;
  }

  /** Somebody else is signed in. */
  clear(): void {
    for (const map of [this.#snapshots, this.#seen, this.#paces]) map.clear();
    this.tell();
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
    const { code: _, retry_at: __, temporary: ___, ...about } = recording ?? { sid, call_sid: sid };
    this.#put({ ...about, sid, v, state: 'downloading', received, ...(total === undefined ? {} : { total }) });
  }

  fail(sid: string, error: SidError): void {
    this.#set(sid, { ...this.get(sid), error });
  }

  /** What was wrong is being tried again. */
  pardon(sid: string): void {
    const { error, ...known } = this.get(sid);
    if (error) this.#set(sid, known);
  }

  #version(sid: string): number {
    return this.#seen.get(sid) ?? -1;
  }

  #put(recording: Recording): void {
    const { sid } = recording;
    this.#seen.set(sid, recording.v);
    if (recording.state !== 'downloading') {
      this.#paces.delete(sid);
      this.#set(sid, { recording });
      return;
    }
    const pace = this.#paces.get(sid) ?? new Pace(recording.received ?? 0);
    this.#paces.set(sid, pace);
    this.#set(sid, { recording, download: pace.note(recording) });
  }

  #set(sid: string, snapshot: Snapshot): void {
    if (this.#snapshots.size >= MOST_IDLE && !this.#snapshots.has(sid)) this.#prune();
    this.#snapshots.set(sid, snapshot);
    for (const listener of [...(this.#listeners.get(sid) ?? [])]) listener();
  }

  /** Lets go of the older half of what nobody looks at. */
  #prune(): void {
    let spare = MOST_IDLE / 2;
    for (const sid of [...this.#snapshots.keys()]) {
      if (this.#listeners.has(sid)) continue;
      for (const map of [this.#snapshots, this.#seen, this.#paces]) map.delete(sid);
      if (--spare === 0) return;
    }
  }
}
