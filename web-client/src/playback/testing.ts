/** For tests: a media element and a server whose other end is the test. */

import { vi } from 'vitest';
import type { Intent, Recording, Source, View } from '../core';
import type { Server } from './player';

interface Media {
  time: number;
  duration: number;
  paused: boolean;
  ready: number;
  seeking: boolean;
  error: { code: number } | null;
  buffered: [number, number][];
}

const media = new WeakMap<HTMLMediaElement, Media>();
const of = (element: HTMLMediaElement): Media => {
  const known = media.get(element) ?? { time: 0, duration: NaN, paused: true, ready: 0, seeking: false, error: null, buffered: [] };
  media.set(element, known);
  return known;
};

/** How all media elements behave, until the next test. */
export const sound = {
  duration: 240,
  /** The browser wants a click first. */
  refuses: false,
  /** Where a seek gets to. */
  lands: (to: number): number => to,
  seeks: [] as number[],
  /** Opens by itself a moment after `load`. */
  opens: true,
};

/** Replaces what jsdom does not have. */
export function installMedia(): void {
  Object.assign(sound, { duration: 240, refuses: false, lands: (to: number) => to, seeks: [], opens: true });
  const prototype = HTMLMediaElement.prototype;
  const property = (name: string, get: (media: Media, element: HTMLMediaElement) => unknown, set?: (element: HTMLMediaElement, value: never) => void) =>
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: HTMLMediaElement) {
        return get(of(this), this);
      },
      set(this: HTMLMediaElement, value: never) {
        set?.(this, value);
      },
    });
  property('duration', (media) => media.duration);
  property('paused', (media) => media.paused);
  property('ended', (media) => media.time >= media.duration);
  property('readyState', (media) => media.ready);
  property('seeking', (media) => media.seeking);
  property('error', (media) => media.error);
  property('buffered', ({ buffered }) => ({
    length: buffered.length,
    start: (i: number) => buffered[i]![0],
    end: (i: number) => buffered[i]![1],
  }));
  property('currentTime', (media) => media.time, (element, to: number) => {
    const state = of(element);
    sound.seeks.push(to);
    state.seeking = true;
    state.time = to;
    setTimeout(() => {
      state.seeking = false;
      state.time = sound.lands(to);
      tell(element, 'seeked', 'timeupdate');
    });
  });
  vi.spyOn(prototype, 'play').mockImplementation(function (this: HTMLMediaElement) {
    if (sound.refuses) return Promise.reject(new DOMException('a click, please', 'NotAllowedError'));
    if (of(this).paused) {
      of(this).paused = false;
      tell(this, 'play');
    }
    return Promise.resolve();
  });
  vi.spyOn(prototype, 'pause').mockImplementation(function (this: HTMLMediaElement) {
    if (of(this).paused) return;
    of(this).paused = true;
    tell(this, 'pause');
  });
  vi.spyOn(prototype, 'load').mockImplementation(function (this: HTMLMediaElement) {
    Object.assign(of(this), { time: 0, duration: NaN, paused: true, ready: 0, error: null, buffered: [] });
    this.playbackRate = this.defaultPlaybackRate;
    if (this.hasAttribute('src') && sound.opens) setTimeout(() => open(this));
  });
}

const tell = (element: HTMLMediaElement, ...events: string[]) => {
  for (const event of events) element.dispatchEvent(new Event(event));
};

/** It knows its length. */
export function open(element: HTMLMediaElement): void {
  Object.assign(of(element), { duration: sound.duration, ready: 4, buffered: [[0, 20]] });
  tell(element, 'loadedmetadata', 'durationchange', 'canplay');
}

/** It has played as far as this. */
export function reach(element: HTMLMediaElement, time: number): void {
  of(element).time = time;
  tell(element, 'timeupdate');
}

/** The line or the file broke: 2 network, 3 decoding, 4 not to be had. */
export function breakMedia(element: HTMLMediaElement, code: number): void {
  of(element).error = { code };
  tell(element, 'error');
}

export const SID = `CA${'1'.repeat(32)}`;

/** A server that says what the test says. */
export class FakeServer implements Server {
  intents: Intent[] = [];
  held = 0;
  retries = 0;
  links: { purpose: string; fresh: boolean }[] = [];
  source: () => Promise<Source> = () =>
    Promise.resolve({ url: `https://sound.test/${this.links.length}`, expiresAt: Date.now() + 600_000, durationMs: 240_000 });
  #view: View = { phase: 'watching', temporary: false };
  #listeners = new Set<() => void>();

  view = (): View => this.#view;

  subscribe(_sid: string, intent: Intent | undefined, listener: () => void): () => void {
    this.intents.push(intent!);
    this.held += 1;
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      this.held -= 1;
    };
  }

  retry(): void {
    this.retries += 1;
  }

  getSource(_sid: string, purpose = 'play', { fresh = false } = {}): Promise<Source> {
    this.links.push({ purpose, fresh });
    return this.source();
  }

  /** The server says this. */
  says(phase: View['phase'], more: Partial<View> = {}, recording: Partial<Recording> = {}): void {
    const told = { sid: SID, v: 1, state: 'unknown', duration_ms: 240_000, ...recording } as Recording;
    this.#view = { phase, temporary: false, recording: told, ...more };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** A waveform in `.dat` version 2: per channel the loudness, 0 to 1, of each slice. */
export function dat(channels: readonly (readonly number[])[], perSecond = 10): ArrayBuffer {
  const length = channels[0]!.length;
  const buffer = new ArrayBuffer(24 + length * channels.length * 2);
  const view = new DataView(buffer);
  [2, 1, 8000, 8000 / perSecond, length, channels.length].forEach((value, i) => view.setInt32(i * 4, value, true));
  for (let i = 0; i < length; i++) {
    channels.forEach((channel, c) => {
      const loud = Math.round(channel[i]! * 127);
      view.setInt8(24 + (i * channels.length + c) * 2, -loud);
      view.setInt8(25 + (i * channels.length + c) * 2, loud);
    });
  }
  return buffer;
}
