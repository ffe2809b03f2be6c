/** A player and a client that stand still in one state. */

import { Client, type Recording } from '../../src/core';
import { Player, type Peaks, type PlayerState, type Server } from '../../src/playback';

/** Knows what it is given, and calls nobody. */
export class QuietClient extends Client {
  constructor(recordings: readonly Recording[]) {
    super();
    this.put(recordings);
  }
  override start(): void {}
  override stop(): void {}
}

const nobody: Omit<Server, 'view'> = {
  subscribe: () => () => {},
  retry: () => {},
  getSource: () => new Promise(() => {}),
};

export class StillPlayer extends Player {
  #look: Partial<PlayerState>;
  #fixed: PlayerState | undefined;

  constructor(recording: Recording, look: Partial<PlayerState>) {
    super({ ...nobody, view: () => ({ phase: 'watching', recording, temporary: false }) }, recording.sid, {
      resume: false,
      startAt: 0,
    });
    this.#look = look;
    const heard = look.status === 'ready' || look.status === 'renewing';
    this.peaks = heard ? talk(look.stereo === false ? 1 : 2) : undefined;
  }

  override get state(): PlayerState {
    return (this.#fixed ??= { ...super.state, stereo: this.peaks?.channels === 2, ...this.#look });
  }
  override get time(): number {
    return this.#look.time ?? 0;
  }
  override get selection(): PlayerState['selection'] {
    return this.#look.selection;
  }
}

const PER_SECOND = 20;
const SECONDS = 227;

/** Two people who take turns, as a waveform; always the same. */
function talk(channels: number): Peaks {
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const lanes = Array.from({ length: channels }, () => new Float32Array(SECONDS * PER_SECOND));
  for (let at = 0, side = 0; at < SECONDS * PER_SECOND; side = (side + 1) % channels) {
    const turn = PER_SECOND * (2 + random() * 9);
    for (let n = 0; n < turn && at < SECONDS * PER_SECOND; n++, at++) {
      const word = Math.sin((n / PER_SECOND) * 7) > -0.55 ? 1 : 0.12;
      for (let lane = 0; lane < channels; lane++) {
        lanes[lane]![at] = (lane === side ? 0.25 + 0.7 * random() * word : 0.02 * random()) * word;
      }
    }
    at += Math.round(PER_SECOND * random() * 1.5);
  }
  return {
    channels,
    perSecond: PER_SECOND,
    length: SECONDS * PER_SECOND,
    at: (channel, i) => lanes[channel]?.[i] ?? 0,
  };
}
