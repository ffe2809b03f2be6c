/**
 * One recording as a listener has it: waits for it, plays it, remembers where it was left. No framework; the hooks and the
 * Web Component are thin around it.
 *
 * Long because: it is the one place where what the server says, what the sound does and what the listener wants meet.
 */

import type { Client, Download, Intent, View } from '../core';
import { addressAt, placeInAddress } from './address';
import { nextEdge } from './edges';
import { copy, fetchPeaks, navigateToFile } from './extras';
import type { Operable } from './keys';
import { dropKeys, showPosition, takeKeys } from './mediaSession';
import { placeOf, rememberedRate, rememberedVolume, rememberPlace, rememberRate, rememberVolume } from './memory';
import { silences, type Peaks } from './peaks';
import { Sides } from './sides';
import { Sound, type Span } from './sound';
import { NO_SPANS, shown, type PlayerState } from './state';
import { troubleOf, type Trouble } from './trouble';

/** What a player asks of its server. */
export type Server = Pick<Client, 'view' | 'subscribe' | 'retry' | 'getSource'>;

export interface PlayerOptions {
  /** `metadata` reads length and waveform of what is there already, before anybody plays; it never starts a download. */
  preload?: 'none' | 'metadata' | undefined;
  /** Seconds to start at; else what the page's address says (`#t=`), else where it was left. */
  startAt?: number | undefined;
  /** Whether it comes back to where it was left. True unless set. */
  resume?: boolean | undefined;
  /** Whether others on the page pause when this one plays. True unless set. */
  exclusive?: boolean | undefined;
  /** The address of a place in a recording, for links that are copied. The page's own, with `#t=`, unless set. */
  addressAt?: ((sid: string, seconds: number) => string) | undefined;
}

/** Whoever plays alone. */
const playing = new Set<Player>();
/** How often a place is remembered while it plays. */
const REMEMBER_MS = 5_000;
const COPIED_MS = 2_000;
/** So many bytes have to be there for the server to send what has come: they tell what the file is. */
const HEAD_BYTES = 64 * 1024;
/** How near an edge must be to wait for it exactly; the browser tells the time four times a second. */
const NEAR_S = 0.4;

/** Whether a recording that is still on its way can be heard already. Its length must be known, for the browser to seek in it. */
function isEnough(download: Download | undefined): boolean {
  return download?.total !== undefined && download.received >= Math.min(HEAD_BYTES, download.total);
}

export class Player implements Operable {
  readonly sid: string;
  options: PlayerOptions;
  peaks: Peaks | undefined;

  #server: Server;
  #sound: Sound;
  #listeners = new Set<() => void>();
  #state: PlayerState | undefined;
  #connected = false;
  #intent: Intent = 'watch';
  #release: (() => void) | undefined;
  #wanted = false;
  #preview: number | undefined;
  #selection: Span | undefined;
  #skipsSilence = false;
  #silences: readonly Span[] = NO_SPANS;
  #balance = 0;
  #sides: Sides | undefined;
  #peaksFlight: AbortController | undefined;
  #saving = false;
  #fetchesLink = false;
  #saveTrouble: Trouble | undefined;
  #copied: ReturnType<typeof setTimeout> | undefined;
  #edge: ReturnType<typeof setTimeout> | undefined;
  #remembered = 0;
  #wasPlaying = false;

  constructor(server: Server, sid: string, options: PlayerOptions = {}) {
    this.#server = server;
    this.sid = sid;
    this.options = options;
    this.#sound = new Sound(
      (fresh) => server.getSource(sid, 'play', { fresh }),
      () => this.#heard(),
      () => this.#isReady,
    );
  }

  /** The element that makes the sound: for a page to hold, not to operate. */
  get element(): HTMLAudioElement {
    return this.#sound.element;
  }

  /** Takes part: hears of the recording and of the page. Ends, and falls silent, with the returned function. */
  connect(): () => void {
    this.#connected = true;
    this.#sound.listen();
    this.#sound.rate = rememberedRate();
    this.element.volume = rememberedVolume();
    this.#start(this.options.startAt ?? placeInAddress(this.sid) ?? this.#left);
    this.#subscribe('watch');
    addEventListener('hashchange', this.#addressed);
    addEventListener('pagehide', this.#remember);
    this.#told();
    return () => {
      this.#connected = false;
      this.#remember();
      this.#release?.();
      this.#release = undefined;
      removeEventListener('hashchange', this.#addressed);
      removeEventListener('pagehide', this.#remember);
      for (const timer of [this.#copied, this.#edge]) clearTimeout(timer);
      this.#copied = undefined;
      this.#wanted = this.#saving = false;
      this.#peaksFlight?.abort();
      this.#peaksFlight = undefined;
      playing.delete(this);
      dropKeys(this);
      this.#sides?.close();
      this.#sound.dispose();
      // A closed graph keeps the element for ever: the next life gets another.
      if (this.#sides) this.#sound.renewElement();
      this.#sides = undefined;
      this.#balance = 0;
      this.#state = undefined;
    };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The same object until something changes. */
  get state(): PlayerState {
    return (this.#state ??= this.#look());
  }

  /** Seconds, exact at this instant: for drawing. */
  get time(): number {
    return this.#preview ?? this.#sound.time;
  }

  get duration(): number | undefined {
    const ms = this.#view.recording?.duration_ms;
    return this.#sound.duration ?? (ms === undefined ? undefined : ms / 1000);
  }

  get rate(): number {
    return this.#sound.rate;
  }

  get volume(): number {
    return this.#sound.volume;
  }

  get selection(): Span | undefined {
    return this.#selection;
  }

  /** Plays; what is not there yet is fetched first, and starts by itself. */
  play = (): void => {
    this.#wanted = true;
    if (this.state.status === 'failed') this.#ask();
    else if (this.#isReady) this.#sound.play();
    else {
      this.#subscribe('play');
      if (this.#sound.phase === 'open') this.#sound.play();
      // Signed before it lands, so that the sound then waits for nothing else. Whether it may be had is told then.
      this.#server.getSource(this.sid, 'play').catch(() => {});
    }
    this.#changed();
  };

  pause = (): void => {
    this.#wanted = false;
    // Whoever no longer waits for it does not ask for it anew after a broken line.
    if (!this.#isReady && !this.#saving) this.#subscribe('watch');
    this.#sound.pause();
    this.#changed();
  };

  toggle = (): void => (this.state.playing || this.state.wanted ? this.pause() : this.play());

  /** Jumps to so many seconds. Before it is there, that is where it will start. */
  seek = (to: number): void => {
    this.#sound.seek(Math.max(0, Math.min(to, this.duration ?? to)));
    if (this.#selection && (to < this.#selection[0] || to > this.#selection[1])) this.select(undefined);
  };

  /** Shows a place without going there, while somebody drags; `undefined` shows the true one again. */
  preview = (time: number | undefined): void => {
    this.#preview = time;
    this.#changed();
  };

  skip = (by: number): void => this.seek(this.time + by);

  setRate = (rate: number): void => {
    this.#sound.rate = rate;
    rememberRate(this.rate);
  };

  setVolume = (volume: number): void => {
    this.element.volume = Math.round(Math.min(1, Math.max(0, volume)) * 100) / 100;
    this.element.muted = false;
    rememberVolume(this.element.volume);
  };

  toggleMuted = (): void => {
    this.element.muted = !this.element.muted;
  };

  /** Plays this part over and over; `undefined` plays on. */
  select = (span: Span | undefined): void => {
    // Short of the end, where the sound would stop before it could go back.
    const end = span && Math.min(span[1], (this.duration ?? Infinity) - 0.05);
    this.#selection = end && end - span[0] > 0.1 ? [span[0], end] : undefined;
    this.#changed();
  };

  setSkipsSilence = (skips: boolean): void => {
    this.#skipsSilence = skips;
    if (skips && this.peaks && this.#silences === NO_SPANS) this.#silences = silences(this.peaks);
    this.#changed();
  };

  /** -1, the first side alone, to 1, the second alone. */
  setBalance = (balance: number): void => {
    if (!this.#sides) {
      if (balance === 0) return;
      this.#makeSides();
    }
    this.#balance = Math.min(1, Math.max(-1, balance));
    if (this.#sides) this.#sides.balance = this.#balance;
    this.#changed();
  };

  /** Tries again what has failed, whatever that was. */
  retry = (): void => {
    this.#wanted = true;
    this.#ask();
    this.#changed();
  };

  /** Saves the file through the browser. What is not there yet is fetched first. */
  download = (): void => {
    this.#saving = true;
    this.#saveTrouble = undefined;
    if (!this.#isReady) this.#subscribe('play');
    this.#save();
    this.#changed();
  };

  /** Copies the address of this place. */
  copyLink = async (): Promise<void> => {
    await copy((this.options.addressAt ?? addressAt)(this.sid, this.time));
    clearTimeout(this.#copied);
    this.#copied = setTimeout(() => {
      this.#copied = undefined;
      this.#changed();
    }, COPIED_MS);
    this.#changed();
  };

  get #view(): View {
    return this.#server.view(this.sid);
  }

  get #isReady(): boolean {
    return this.#view.phase === 'ready';
  }

  get #left(): number {
    return this.options.resume === false ? 0 : placeOf(this.sid);
  }

  #start(at: number): void {
    if (at > 0) this.#sound.seek(at);
  }

  #subscribe(intent: Intent): void {
    if (!this.#connected || (this.#release && intent === this.#intent)) return;
    const before = this.#release;
    this.#intent = intent;
    // A listener of its own for each: the store tells two that are the same as one, and forgets both with the first.
    this.#release = this.#server.subscribe(this.sid, intent, () => this.#told());
    before?.();
  }

  #ask(): void {
    if (this.#isReady) return this.#sound.play();
    this.#subscribe('play');
    this.#server.retry(this.sid);
  }

  /** The server has said something. */
  #told(): void {
    const { phase, download } = this.#view;
    const sound = this.#sound;
    const waits = this.#wanted && !sound.playing && !sound.blocked && sound.phase !== 'failed';
    if (phase === 'ready') {
      if (waits || (sound.phase === 'empty' && sound.playing)) sound.play();
      else if (this.options.preload === 'metadata' && sound.phase === 'empty') sound.open();
      this.#draw();
      this.#save();
    } else if (phase === 'downloading') {
      if (waits && isEnough(download)) sound.play();
    } else if (phase === 'gone' || phase === 'failed' || phase === 'not_found') {
      this.#wanted = this.#saving = false;
      sound.close();
    }
    this.#changed();
  }

  /** The sound has changed. */
  #heard(): void {
    const { phase, playing: plays, trouble } = this.#sound;
    if (phase === 'open' || trouble) this.#wanted = false;
    this.#draw();
    if (plays && !this.#wasPlaying) this.#begin();
    if (!plays && this.#wasPlaying) {
      playing.delete(this);
      this.#remember();
    }
    this.#wasPlaying = plays;
    if (plays && Date.now() - this.#remembered > REMEMBER_MS) this.#remember();
    this.#watchEdges();
    showPosition(this, plays, this.time, this.duration, this.rate);
    this.#changed();
  }

  #begin(): void {
    if (this.options.exclusive !== false) for (const other of [...playing]) other.pause();
    playing.add(this);
    const { title, from, to } = this.#view.recording ?? {};
    const parties = [from, to].filter(Boolean).join(' – ');
    takeKeys(this, this, title ?? (parties || this.sid), title ? parties : '');
    this.#remembered = Date.now();
  }

  /** Ends of silences and of the selection, to a few milliseconds. */
  #watchEdges(): void {
    clearTimeout(this.#edge);
    if (!this.#sound.playing || this.#sound.phase !== 'open') return;
    const { time, rate } = this.#sound;
    const edge = nextEdge(time, this.#selection, this.#skipsSilence ? this.#silences : NO_SPANS);
    if (!edge) return;
    const wait = edge.at - time;
    if (wait <= 0) this.#sound.seek(edge.to);
    else if (wait < NEAR_S * rate) this.#edge = setTimeout(() => this.#watchEdges(), (wait / rate) * 1000);
  }

  /** The waveform is drawn from all of it. */
  #draw(): void {
    if (this.#isReady && this.#sound.source?.peaksUrl && !this.#peaksFlight) void this.#loadPeaks();
  }

  async #loadPeaks(): Promise<void> {
    const flight = (this.#peaksFlight = new AbortController());
    const link = () => this.#server.getSource(this.sid, 'play').then(({ peaksUrl }) => peaksUrl);
    const peaks = await fetchPeaks(link, flight.signal).catch(() => undefined);
    if (flight.signal.aborted || !peaks) return;
    this.peaks = peaks;
    if (this.#skipsSilence) this.#silences = silences(peaks);
    this.#changed();
  }

  #makeSides(): void {
    const { element } = this;
    const foreign = this.#sound.source && new URL(this.#sound.source.url, location.href).origin !== location.origin;
    // A graph must not hear what the page may not read; a server that allows the page's origin lets it.
    if (foreign && element.crossOrigin === null) {
      element.crossOrigin = 'anonymous';
      this.#sound.reread();
    }
    this.#sides = new Sides(element);
  }

  #save(): void {
    if (!this.#saving || this.#fetchesLink || !this.#isReady) return;
    this.#fetchesLink = true;
    this.#server
      .getSource(this.sid, 'download')
      .then(({ url }) => navigateToFile(url))
      .catch((reason: unknown) => (this.#saveTrouble = troubleOf(reason)))
      .finally(() => {
        this.#saving = this.#fetchesLink = false;
        this.#changed();
      });
  }

  #remember = (): void => {
    this.#remembered = Date.now();
    if (this.options.resume !== false && this.#sound.phase !== 'empty') rememberPlace(this.sid, this.time, this.duration);
  };

  #addressed = (): void => {
    const place = placeInAddress(this.sid);
    if (place !== undefined) this.seek(place);
  };

  #changed(): void {
    this.#state = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  #look(): PlayerState {
    const seen = this.#view;
    const sound = this.#sound;
    return {
      sid: this.sid,
      ...shown(seen, sound),
      recording: seen.recording,
      retryAt: seen.retryAt,
      progress: seen.download,
      wanted: this.#wanted,
      playing: sound.playing,
      buffering: sound.buffering,
      blocked: sound.blocked,
      time: this.time,
      duration: this.duration,
      buffered: sound.phase === 'open' ? sound.buffered : NO_SPANS,
      rate: sound.rate,
      volume: sound.volume,
      muted: sound.muted,
      selection: this.#selection,
      skipsSilence: this.#skipsSilence,
      canSkipSilence: this.peaks !== undefined,
      balance: this.#balance,
      stereo: (this.peaks?.channels ?? seen.recording?.channels ?? 1) > 1,
      saving: this.#saving,
      saveTrouble: this.#saveTrouble,
      copied: this.#copied !== undefined,
    };
  }
}
