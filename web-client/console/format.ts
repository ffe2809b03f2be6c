/** How times, sizes and reasons read in the user's language. */

import type { Recording, SidError } from '../src/core';
import type { Text } from './i18n/en';

export function dayName(time: string, language: string, text: Text): string {
  const date = new Date(time);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return text.today;
  today.setDate(today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return text.yesterday;
  const sameYear = date.getFullYear() === today.getFullYear();
  return new Intl.DateTimeFormat(language, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(sameYear ? {} : { year: 'numeric' }),
  }).format(date);
}

export function timeOfDay(time: string, language: string, seconds = false): string {
  const options: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  if (seconds) options.second = '2-digit';
  return new Intl.DateTimeFormat(language, options).format(new Date(time));
}

/** A moment in full, as the details and the history give it. */
export function moment(time: string, language: string): string {
  return new Intl.DateTimeFormat(language, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(new Date(time));
}

/** Milliseconds as people read a length of time: `4:05`, `1:04:05`. */
export function clock(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1000));
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = String(whole % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB'];

export function bytes(size: number, language: string): string {
  let unit = 0;
  let value = size;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  const number = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  // Isolated, or a right-to-left line would turn it into "MB 1.2".
  return `\u2066${number.format(value)} ${UNITS[unit]}\u2069`;
}

/** What of a download has arrived, 0 to 1; `undefined` while nobody knows how much there will be. */
export function fraction({ received, total }: Recording): number | undefined {
  return total ? Math.min(1, (received ?? 0) / total) : undefined;
}

export function percent(part: number, language: string): string {
  return new Intl.NumberFormat(language, { style: 'percent' }).format(Math.floor(part * 100) / 100);
}

export function reason(code: string | undefined, text: Text): string {
  return (code && text.codes[code]) || text.someReason;
}

/** What a screen reader and a file list call this call. */
export function nameOf({ title, from, to }: Recording, text: Text): string {
  if (title) return title;
  return from || to ? `${from ?? text.unknownParty} ${text.to} ${to ?? text.unknownParty}` : text.call;
}

/** The second line of a state: why, when again, how much. Empty where there is nothing to add. */
export function detail(recording: Recording, error: SidError | undefined, language: string, text: Text): string {
  if (error) return reason(error.code, text);
  const { state, code, retry_at, received, total } = recording;
  switch (state) {
    case 'queued':
      return [retry_at && text.nextTry(timeOfDay(retry_at, language, true)), code && reason(code, text)]
        .filter(Boolean)
        .join(' · ');
    case 'downloading':
      if (received === undefined) return '';
      return total ? text.bytes(bytes(received, language), bytes(total, language)) : bytes(received, language);
    case 'failed':
    case 'gone':
      return reason(code, text);
    default:
      return '';
  }
}
