/** Tries from time to time whether the best carrier works again, beside a line that stands. Knows no messages but `welcome`. */

import type { Line, LineEvents } from './line';

const FIRST_MS = 5000;
const LONGEST_MS = 300_000;
const PATIENCE_MS = 15_000;

export class Trial {
  #open: (events: LineEvents) => Line;
  #adopt: (line: Line) => LineEvents;
  #line: Line | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = FIRST_MS;

  /** `adopt` takes over a line that was welcomed, and says who hears it from then on. */
  constructor(open: (events: LineEvents) => Line, adopt: (line: Line) => LineEvents) {
    this.#open = open;
    this.#adopt = adopt;
  }

  /** The first trial is soon: perhaps the server was only starting. */
  start(): void {
    this.stop();
    this.#pauseMs = FIRST_MS;
    this.#later();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#line?.close();
    this.#line = undefined;
  }

  #later(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#try(), this.#pauseMs);
    this.#pauseMs = Math.min(LONGEST_MS, this.#pauseMs * 2);
  }

  #try(): void {
    let heir: LineEvents | undefined;
    const line = this.#open({
      message: (message) => {
        if (!heir && message?.type === 'welcome') {
          // No longer ours to close.
          this.#line = undefined;
          heir = this.#adopt(line);
        }
        heir?.message(message);
      },
      closed: (code) => (heir ? heir.closed(code) : this.#later()),
    });
    this.#line = line;
    this.#timer = setTimeout(() => this.#later(), PATIENCE_MS);
  }
}
