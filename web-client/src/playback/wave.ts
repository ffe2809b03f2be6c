/**
 * Draws a player's waveform on a canvas: sides in lanes, what is played, what is buffered, the selection. Knows no
 * framework and no colours: these are the canvas's own CSS.
 *
 * Only what changed is drawn again: a frame while playing repaints the bars that the playhead passed. Frames are asked for
 * only while it plays and is on screen.
 */

import { bars } from './peaks';
import type { Player } from './player';
import type { PlayerState } from './state';

/** CSS pixels from one bar to the next, and of a bar. */
const STEP = 3;
const BAR = 2;
/** Of a bar's strength: what is neither played nor buffered, and what is buffered. */
const FAINT = 0.3;
const HALF = 0.52;
/** Of a side that is not heard. */
const UNHEARD = 0.3;

export class Wave {
  #canvas: HTMLCanvasElement;
  #player: Player;
  #context: CanvasRenderingContext2D | null;
  #scale = 1;
  #bars: Float32Array[] = [];
  #barsOf: unknown;
  /** The playhead as it was drawn, in device pixels. */
  #x = 0;
  /** All that the whole picture depends on but the playhead. */
  #drawn = '';
  #frame = 0;
  #visible = false;
  #colours = { sides: ['', ''], head: '', selection: '' };

  constructor(canvas: HTMLCanvasElement, player: Player) {
    this.#canvas = canvas;
    this.#player = player;
    this.#context = canvas.getContext('2d');
  }

  /** Draws from now on; ends with the returned function. */
  start(): () => void {
    const size = new ResizeObserver(() => this.#resize());
    size.observe(this.#canvas);
    const sight = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1)?.isIntersecting ?? true;
      this.#follow();
    });
    sight.observe(this.#canvas);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => this.#repaint();
    dark.addEventListener('change', repaint);
    // The stylesheet gives the colour a transition of a moment, so that every other change of theme is heard of as well.
    this.#canvas.addEventListener('transitionend', repaint);
    const unsubscribe = this.#player.subscribe(() => this.#follow());
    this.#resize();
    return () => {
      size.disconnect();
      sight.disconnect();
      dark.removeEventListener('change', repaint);
      this.#canvas.removeEventListener('transitionend', repaint);
      unsubscribe();
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
    };
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#scale = devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * this.#scale), Math.round(clientHeight * this.#scale)];
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#barsOf = undefined;
    this.#repaint();
  }

  #repaint(): void {
    // Canvas cannot read custom properties whose value depends on the theme; these four are computed colours.
    const { fill, stroke, color, floodColor } = getComputedStyle(this.#canvas);
    this.#colours = { sides: [fill, stroke], head: color, selection: floodColor };
    this.#drawn = '';
    this.#follow();
  }

  /** Brings the picture up to date, and goes on while there is something to follow. */
  #follow(): void {
    const { state } = this.#player;
    const x = this.#at(this.#player.time, state);
    const drawn = this.#key(state);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#x = x;
      this.#measure(state);
      this.#paint(state, 0, this.#canvas.width);
    } else if (Math.round(x) !== Math.round(this.#x)) {
      const [from, to] = [Math.min(x, this.#x), Math.max(x, this.#x)];
      this.#x = x;
      this.#paint(state, from, to);
    }
    const moving = state.playing && !state.buffering && this.#visible;
    if (moving && !this.#frame) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#follow();
      });
    }
  }

  #key(state: PlayerState): string {
    const edges = [...state.buffered, ...(state.selection ? [state.selection] : [])].flat();
    const places = edges.map((time) => Math.round(this.#at(time, state)));
    return [this.#canvas.width, this.#canvas.height, this.#player.peaks?.length, state.duration, state.stereo, state.balance, !!state.selection, ...places].join();
  }

  #at(time: number, { duration }: PlayerState): number {
    return duration ? (Math.min(time, duration) / duration) * this.#canvas.width : 0;
  }

  #measure(state: PlayerState): void {
    const { peaks } = this.#player;
    const lanes = state.stereo ? 2 : 1;
    if (this.#bars.length === lanes && this.#barsOf === (peaks ?? this)) return;
    this.#barsOf = peaks ?? this;
    const count = Math.max(0, Math.floor(this.#canvas.width / (STEP * this.#scale)));
    this.#bars = Array.from({ length: lanes }, (_, side) => (peaks ? bars(peaks, side, count) : new Float32Array(count)));
  }

  /** Paints the bars from one place to another, in device pixels. */
  #paint(state: PlayerState, from: number, to: number): void {
    const context = this.#context;
    if (!context || this.#canvas.width === 0) return;
    const scale = this.#scale;
    const step = STEP * scale;
    const count = this.#bars[0]?.length ?? 0;
    // Whole bars, and the width of the playhead around: nothing may be painted over what is there.
    const first = Math.max(0, Math.floor(from / step) - 1);
    const last = Math.min(count, Math.ceil(to / step) + 1);
    const { height } = this.#canvas;
    const end = last === count ? this.#canvas.width : last * step;
    context.clearRect(first * step, 0, end - first * step, height);
    if (state.selection) {
      const [begin, finish] = state.selection.map((time) => this.#at(time, state)) as [number, number];
      const [left, right] = [Math.max(begin, first * step), Math.min(finish, end)];
      context.fillStyle = this.#colours.selection;
      if (right > left) context.fillRect(left, 0, right - left, height);
    }
    const lane = height / this.#bars.length;
    this.#bars.forEach((loud, side) => {
      const unheard = this.#bars.length > 1 && (side === 0 ? state.balance === 1 : state.balance === -1);
      context.fillStyle = this.#colours.sides[side]!;
      const middle = lane * (side + 0.5);
      for (let bar = first; bar < last; bar++) {
        const x = bar * step;
        const strength = x + scale <= this.#x ? 1 : this.#has(x, state) ? HALF : FAINT;
        context.globalAlpha = strength * (unheard ? UNHEARD : 1);
        const high = Math.max(BAR * scale, loud[bar]! * (lane - 4 * scale));
        context.beginPath();
        context.roundRect(x, middle - high / 2, BAR * scale, high, scale);
        context.fill();
      }
    });
    context.globalAlpha = 1;
    if (this.#x > 0 || state.playing) {
      context.fillStyle = this.#colours.head;
      context.fillRect(Math.round(this.#x - scale / 2), 0, Math.max(1, Math.round(1.5 * scale)), height);
    }
  }

  #has(x: number, state: PlayerState): boolean {
    return state.buffered.some(([from, to]) => this.#at(from, state) <= x && x <= this.#at(to, state));
  }
}
