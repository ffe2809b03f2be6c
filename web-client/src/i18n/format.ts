/** Times, sizes and names as they read and sound in a language. Pure. */

import type { Recording } from '../core';
import type { PlayerState } from '../playback';
import type { Text } from './en';

/** Seconds as people read a length of time: `4:05`, `1:04:05`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = String(whole % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** Formatters are dear to make and asked for at each second; there are a few per language. */
const made = new Map<string, Intl.NumberFormat>();

function unit(language: string, unit: string, value: number, options: Intl.NumberFormatOptions = {}): string {
  const key = `${language} ${unit} ${options.maximumFractionDigits}`;
  const format = made.get(key) ?? new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long', ...options });
  made.set(key, format);
  return format.format(value);
}

/** Seconds as they are spoken: “1 minute, 5 seconds”. */
export function spoken(seconds: number, { language }: Text): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const parts = [h && unit(language, 'hour', h), m && unit(language, 'minute', m), (s || !(h || m)) && unit(language, 'second', s)];
  return parts.filter((part) => typeof part === 'string').join(', ');
}

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];

/** Bytes, in powers of a thousand; isolated, or a line from right to left would turn it around. */
export function bytes(size: number, { language }: Text): string {
  let power = 0;
  let value = size;
  for (; value >= 1000 && power < SIZES.length - 1; power++) value /= 1000;
  const digits = power === 0 || value >= 100 ? 0 : 1;
  const options = { unitDisplay: 'short', minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  return `\u2068${unit(language, SIZES[power]!, value, options)}\u2069`;
}

/** What the call is called. */
export function nameOf({ title, from, to }: Partial<Recording> = {}, text: Text): string {
  if (title) return title;
  return from || to ? `${from ?? text.unknownParty} ${text.to} ${to ?? text.unknownParty}` : text.call;
}

const reason = (code: string, text: Text): string => text.codes[code] ?? text.fault(code);

/** The state in words; first of all that a download could not begin. */
export function statusText(state: PlayerState, text: Text): string {
  const { status, wanted, saving, saveTrouble, blocked, playing } = state;
  if (saveTrouble && status === 'ready') return `${text.download}: ${reason(saveTrouble.code, text)}`;
  if (status === 'watching' && (wanted || saving)) return text.status.asked;
  if (status === 'ready') return blocked ? text.status.blocked : playing ? text.status.playing : text.status.ready;
  return text.status[status];
}

/** What there is to add: how much, how long, why, when again. Empty where there is nothing. */
export function detailText(state: PlayerState, text: Text): string {
  const { status, progress, code, retryAt } = state;
  if (status === 'downloading' && progress?.received) {
    const { received, total, secondsLeft } = progress;
    const much = total ? text.bytesOf(bytes(received, text), bytes(total, text)) : bytes(received, text);
    return secondsLeft ? `${much} · ${text.left(spoken(secondsLeft, text))}` : much;
  }
  const told = code === undefined || /^(signed_out|forbidden|not_found)$/.test(status);
  const why = told ? undefined : reason(code, text);
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  const when = status === 'queued' && retryAt ? text.nextTry(new Intl.DateTimeFormat(text.language, time).format(retryAt)) : undefined;
  return [why, when].filter(Boolean).join(' ');
}

/** Who speaks on the first and the second side: the caller's leg comes first. */
export function sidesOf(recording: Recording | undefined, { sides }: Text): [string, string] {
  const { direction } = recording ?? {};
  if (direction?.startsWith('inbound')) return [sides.customer, sides.agent];
  if (direction?.startsWith('outbound')) return [sides.agent, sides.customer];
  return [sides.first, sides.second];
}
