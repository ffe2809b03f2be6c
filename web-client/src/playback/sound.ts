/**
 * One media element and the link it reads: opens, seeks, and gets over an expired link. Knows recordings only by the
 * function that gives the link, and nothing of states, stores or pages.
 *
 * A media element does not say why it failed (401, 403 and 404 look alike), so an error is met with a new link: position,
 * speed and play state stay. Whether the link could be had says the rest. Of a file that is not whole yet it is let go, and
 * read again when it is.
 */

import type { Source } from '../core';
import { troubleOf, type Trouble } from './trouble';

export type Span = readonly [from: number, to: number];

/** `renewing`: it had opened, and waits for another link. */
export type SoundPhase = 'empty' | 'opening' | 'open' | 'renewing' | 'failed';

/** Seconds by which a seek may miss; browsers land on the frame nearby. */
const TOLERANCE_S = 0.75;
/** New links without any progress between them, before it counts as failed. */
const RENEWALS = 2;
/** A link that ends so soon is not used for a jump any more. */
const NEARLY_MS = 2_000;
const AGAIN_MS = 1_000;

export const SLOWEST = 0.5;
export const FASTEST = 3;

const EVENTS = [
  'play',
  'playing',
  'pause',
  'waiting',
  'ended',
  'timeupdate',
  'progress',
  'seeking',
  'seeked',
  'durationchange',
  'loadedmetadata',
  'canplay',
  'volumechange',
  'error',
] as const;

export class Sound {
  phase: SoundPhase = 'empty';
  trouble: Trouble | undefined;
  /** The browser wants a click before it makes a sound. */
  blocked = false;
  source: Source | undefined;

  #element: HTMLAudioElement | undefined;
  #link: (fresh: boolean) => Promise<Source>;
  #changed: () => void;
  #isWhole: () => boolean;
  #wanted = false;
  /** Where a seek is going, until the element is there. */
  #target: number | undefined;
  #retried = false;
  #renewals = 0;
  #renewedAt = 0;
  #last = 0;
  #rate = 1;
  /** Tells an answer that is still wanted from one that came too late. */
  #turn = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(link: (fresh: boolean) => Promise<Source>, changed: () => void, isWhole: () => boolean) {
    this.#link = link;
    this.#changed = changed;
    this.#isWhole = isWhole;
  }

  /** Made when first asked for: a page that is rendered on a server has none. */
  get element(): HTMLAudioElement {
    this.#element ??= Object.assign(document.createElement('audio'), { preload: 'metadata' });
    return this.#element;
  }

  get volume(): number {
    return this.#element?.volume ?? 1;
  }

  get muted(): boolean {
    return this.#element?.muted ?? false;
  }

  /** Hears the element, until it is disposed of. */
  listen(): void {
    for (const event of EVENTS) this.element.addEventListener(event, this.#on);
  }

  /** Seconds; while a seek is on its way, where it goes. */
  get time(): number {
    return this.#target ?? (this.phase === 'open' ? this.element.currentTime : this.#last);
  }

  get duration(): number | undefined {
    const duration = this.phase === 'empty' ? 0 : this.element.duration;
    if (Number.isFinite(duration) && duration > 0) return duration;
    return this.source?.durationMs === undefined ? undefined : this.source.durationMs / 1000;
  }

  /** Whether it plays, or will as soon as it can. */
  get playing(): boolean {
    return this.#wanted && !this.blocked && this.phase !== 'failed';
  }

  get buffering(): boolean {
    return this.playing && (this.phase !== 'open' || this.element.readyState < 3);
  }

  get buffered(): Span[] {
    const { buffered } = this.element;
    return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)] as const);
  }

  get rate(): number {
    return this.#rate;
  }

  set rate(rate: number) {
    this.#rate = Math.min(FASTEST, Math.max(SLOWEST, rate));
    // A new link starts at the default speed again.
    this.element.defaultPlaybackRate = this.element.playbackRate = this.#rate;
    this.#changed();
  }

  /** Reads as far as the length, and not further until it is played. */
  open(): void {
    if (this.phase === 'empty' || this.phase === 'failed') this.#read(false);
  }

  play(): void {
    this.#wanted = true;
    this.blocked = false;
    if (this.phase === 'failed') this.#renewals = 0;
    if (this.phase !== 'open') this.open();
    else if (this.#expired && !this.#has(this.time)) this.#read(true);
    else {
      if (this.element.ended && this.#target === undefined) this.seek(0);
      this.#start();
    }
    this.#changed();
  }

  pause(): void {
    this.#wanted = false;
    this.element.pause();
    this.#changed();
  }

  /** Jumps, and looks whether it got there. Before there is a link, that is where it will start. */
  seek(to: number): void {
    this.#target = Math.max(0, Math.min(to, this.duration ?? to));
    this.#retried = false;
    if (this.phase === 'open') {
      if (this.#expired && !this.#has(this.#target)) this.#read(true);
      else this.element.currentTime = this.#target;
    }
    this.#changed();
  }

  /** Starts over with a link that another origin may read, as the sound's graph needs it. */
  reread(): void {
    this.#last = this.time;
    if (this.phase === 'open') this.#read(false);
  }

  /** Lets go of the link and what was read; position, speed and volume stay. */
  close(): void {
    this.#turn += 1;
    clearTimeout(this.#again);
    removeEventListener('online', this.#retry);
    this.#last = this.time;
    this.#target = undefined;
    this.#wanted = false;
    this.#renewals = 0;
    this.phase = 'empty';
    this.trouble = undefined;
    this.source = undefined;
    if (this.element.hasAttribute('src')) {
      this.element.removeAttribute('src');
      this.element.load();
    }
  }

  /** Deaf and empty; `listen` begins anew. */
  dispose(): void {
    this.close();
    for (const event of EVENTS) this.element.removeEventListener(event, this.#on);
  }

  /** For an element that is bound to a graph which is closed. Only between `dispose` and `listen`. */
  renewElement(): void {
    this.#element = undefined;
  }

  get #expired(): boolean {
    const at = this.source?.expiresAt;
    return at !== undefined && at - Date.now() < NEARLY_MS;
  }

  #has(time: number): boolean {
    return this.buffered.some(([from, to]) => from <= time && time < to);
  }

  async #read(fresh: boolean): Promise<void> {
    const turn = ++this.#turn;
    const at = this.time;
    this.phase = this.source ? 'renewing' : 'opening';
    this.trouble = undefined;
    this.#changed();
    try {
      const source = await this.#link(fresh);
      if (turn !== this.#turn) return;
      this.source = source;
    } catch (reason) {
      if (turn === this.#turn) this.#fail(troubleOf(reason));
      return;
    }
    this.#target = at > 0 ? at : undefined;
    this.#retried = false;
    this.element.src = this.source.url;
    this.element.load();
    if (this.#wanted) this.#start();
    this.#changed();
  }

  #start(): void {
    this.element.play()?.catch((reason: unknown) => {
      // A new link interrupts the wish to play the old one (AbortError); a failure comes as an event.
      if (!(reason instanceof DOMException) || reason.name !== 'NotAllowedError') return;
      this.blocked = true;
      this.#wanted = false;
      this.#changed();
    });
  }

  #fail(trouble: Trouble): void {
    this.phase = 'failed';
    this.trouble = trouble;
    this.#wanted = false;
    this.#changed();
  }

  #on = (event: Event): void => {
    const { element } = this;
    switch (event.type) {
      case 'error':
        this.#broke();
        return;
      case 'loadedmetadata':
        this.phase = 'open';
        if (this.#target !== undefined) element.currentTime = this.#target = Math.min(this.#target, element.duration);
        break;
      case 'seeked':
        this.#arrived();
        break;
      case 'timeupdate':
        if (this.phase !== 'open' || this.#target !== undefined) break;
        this.#last = element.currentTime;
        if (Math.abs(this.#last - this.#renewedAt) > 1) this.#renewals = 0;
        break;
      case 'pause':
        // Also by the keys of a headset, or the end; not by a new link, which is silent.
        if (this.phase === 'open' && element.paused) this.#wanted = false;
        break;
      case 'play':
        // Events come late: it may have been stopped since.
        if (!element.paused) this.#wanted = true;
        this.blocked = false;
    }
    this.#changed();
  };

  /** A server without ranges lets a browser "seek" to the start: what counts is where it is now. */
  #arrived(): void {
    if (this.#target === undefined || this.element.seeking) return;
    const missed = Math.abs(this.element.currentTime - this.#target) > TOLERANCE_S;
    if (missed && !this.#retried) {
      this.#retried = true;
      this.element.currentTime = this.#target;
      return;
    }
    this.#last = this.element.currentTime;
    this.#target = undefined;
  }

  #broke(): void {
    if (!this.source || this.phase === 'failed') return;
    if (!this.#isWhole()) return this.#letGo();
    const { error } = this.element;
    // It came whole and is no sound: another link leads to the same bytes.
    if (error?.code === 3) return this.#fail({ code: 'undecodable', temporary: false });
    if (this.#renewals >= RENEWALS) return this.#fail({ code: 'interrupted', temporary: true });
    const first = this.#renewals === 0;
    this.#renewals += 1;
    this.#renewedAt = this.time;
    this.phase = 'renewing';
    this.#turn += 1;
    if (navigator.onLine === false) addEventListener('online', this.#retry, { once: true });
    else if (first) void this.#read(true);
    else this.#again = setTimeout(this.#retry, AGAIN_MS);
    this.#changed();
  }

  #retry = (): void => void this.#read(true);

  /** What came was cut, or there was nothing to be had yet. The wish to play it stays. */
  #letGo(): void {
    const wanted = this.playing;
    this.close();
    this.#wanted = wanted;
    this.#changed();
  }
}
