/**
 * The balance of a call's two sides, through Web Audio. Made when first used, not before: a media element that feeds a
 * graph is silent for good where its server does not allow the page's origin.
 */

export class Sides {
  #context: AudioContext;
  #left: GainNode[];
  #right: GainNode[];

  constructor(element: HTMLMediaElement) {
    const context = new AudioContext();
    const split = context.createChannelSplitter(2);
    const merge = context.createChannelMerger(2);
    const way = (from: number, to: number): GainNode => {
      const gain = context.createGain();
      split.connect(gain, from);
      gain.connect(merge, 0, to);
      return gain;
    };
    // Each side to its own ear, and across.
    this.#left = [way(0, 0), way(0, 1)];
    this.#right = [way(1, 1), way(1, 0)];
    context.createMediaElementSource(element).connect(split);
    merge.connect(context.destination);
    this.#context = context;
  }

  /** From -1, the first side alone, to 1, the second alone. A side that is alone is heard in both ears: many headsets have one. */
  set balance(balance: number) {
    const across = Math.abs(balance);
    const first = Math.min(1, 1 - balance);
    const second = Math.min(1, 1 + balance);
    this.#set(this.#left, first, across);
    this.#set(this.#right, second, across);
    void this.#context.resume();
  }

  close(): void {
    void this.#context.close();
  }

  #set([own, other]: GainNode[], loud: number, across: number): void {
    // A glide of a few milliseconds: a jump would click.
    const now = this.#context.currentTime;
    own?.gain.setTargetAtTime(loud, now, 0.015);
    other?.gain.setTargetAtTime(loud * across, now, 0.015);
  }
}
