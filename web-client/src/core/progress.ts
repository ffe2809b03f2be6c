/** How fast a download goes, smoothed, so that the time left does not jump. Pure but for the clock. */

import type { Recording } from './protocol';

/** How far a download has come. */
export interface Download {
  readonly received: number;
  readonly total?: number | undefined;
  /** 0 to 100; whole numbers, never 100 before it is whole. */
  readonly percent?: number | undefined;
  /** Seconds, once the speed is known. */
  readonly secondsLeft?: number | undefined;
}

/** Over what time the speed is smoothed. */
const SMOOTH_MS = 3000;
/** A speed measured over less than this is noise. */
const SHORTEST_MS = 200;

export class Pace {
  #at: number;
  #received: number;
  /** Bytes per millisecond. */
  #speed: number | undefined;

  constructor(received: number) {
    this.#at = Date.now();
    this.#received = received;
  }

  /** What is to be shown now that so much is here. */
  note({ received = 0, total }: Pick<Recording, 'received' | 'total'>): Download {
    const now = Date.now();
    const took = now - this.#at;
    if (received < this.#received) {
      // It began anew, as a source that cannot resume makes it.
      this.#speed = undefined;
      [this.#at, this.#received] = [now, received];
    } else if (took >= SHORTEST_MS) {
      const speed = (received - this.#received) / took;
      const weight = 1 - Math.exp(-took / SMOOTH_MS);
      this.#speed = this.#speed === undefined ? speed : this.#speed + weight * (speed - this.#speed);
      [this.#at, this.#received] = [now, received];
    }
    if (!total) return { received };
    const percent = Math.max(0, Math.min(received < total ? 99 : 100, Math.floor((received / total) * 100)));
    const secondsLeft = this.#speed ? Math.ceil((total - received) / this.#speed / 1000) : undefined;
    return { received, total, percent, secondsLeft };
  }
}
