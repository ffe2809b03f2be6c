/** A waveform as audiowaveform writes it (`.dat`, version 2), and where in it nobody speaks. Pure. */

/** Loudest and quietest sample of each slice of time, per channel, from -1 to 1. */
export interface Peaks {
  channels: number;
  /** Slices per second. */
  perSecond: number;
  /** Slices. */
  length: number;
  /** The larger of |min| and |max| of slice `i` in `channel`, 0 to 1. */
  at(channel: number, i: number): number;
}

/** Throws a `RangeError` for what is no `.dat` of version 2. */
export function parsePeaks(buffer: ArrayBuffer): Peaks {
  const view = new DataView(buffer);
  const bits8 = (view.getUint32(4, true) & 1) === 1;
  const perSecond = view.getInt32(8, true) / view.getInt32(12, true);
  const channels = view.getInt32(20, true);
  const data = new (bits8 ? Int8Array : Int16Array)(buffer, 24);
  const length = Math.min(view.getUint32(16, true), Math.floor(data.length / (2 * channels)));
  if (view.getInt32(0, true) !== 2 || !(perSecond > 0) || !(channels > 0)) throw new RangeError('not a waveform');
  const full = bits8 ? 128 : 32768;
  return {
    channels,
    perSecond,
    length,
    at: (channel, i) => {
      const pair = 2 * (i * channels + channel);
      return Math.max(Math.abs(data[pair] ?? 0), Math.abs(data[pair + 1] ?? 0)) / full;
    },
  };
}

/** Pauses shorter than this are part of talking. */
const SILENCE_S = 1.2;
/** Left at both ends of a silence, so that no word loses its first sound. */
const MARGIN_S = 0.25;

/** From when to when nobody speaks, in seconds. */
export function silences(peaks: Peaks): [from: number, to: number][] {
  const { channels, perSecond, length } = peaks;
  const loud = Float32Array.from({ length }, (_, i) => {
    let most = 0;
    for (let channel = 0; channel < channels; channel++) most = Math.max(most, peaks.at(channel, i));
    return most;
  });
  // Against how loud this call is where it is loud: lines differ, and so does their noise.
  const floor = Math.max(0.015, 0.08 * (loud.slice().sort()[Math.floor(length * 0.95)] ?? 0));
  const found: [number, number][] = [];
  let start = 0;
  for (let i = 0; i <= length; i++) {
    if (i < length && loud[i]! < floor) continue;
    if ((i - start) / perSecond >= SILENCE_S) found.push([start / perSecond + MARGIN_S, i / perSecond - MARGIN_S]);
    start = i + 1;
  }
  return found;
}

/**
 * The loudest of each of `count` equal parts, scaled so that the loudest of all fills the height. Calls are quiet: unscaled,
 * most would be a thin line.
 */
export function bars(peaks: Peaks, channel: number, count: number): Float32Array {
  const found = new Float32Array(count);
  let most = 0.05;
  for (let c = 0; c < peaks.channels; c++) {
    for (let i = 0; i < peaks.length; i++) most = Math.max(most, peaks.at(c, i));
  }
  for (let bar = 0; bar < count; bar++) {
    const first = Math.floor((bar * peaks.length) / count);
    const last = Math.max(first + 1, Math.floor(((bar + 1) * peaks.length) / count));
    let loudest = 0;
    for (let i = first; i < last && i < peaks.length; i++) loudest = Math.max(loudest, peaks.at(channel, i));
    found[bar] = loudest / most;
  }
  return found;
}
