/** What lies beside the sound: the waveform's bytes, the way to a file, the clipboard. */

import { parsePeaks, type Peaks } from './peaks';

/** Times that peaks in the making are asked for; they follow a recording within seconds. */
const TRIES = 6;
const PAUSE_S = 1;
/** In the making, a link that has expired meanwhile, too many at once. */
const LATER = new Set([202, 403, 429, 503]);

/**
 * The waveform behind `link`, which is asked for at each try: one that waits for peaks in the making may outlive it.
 * `undefined` where there is none: a player does without. Rejects only when aborted.
 */
export async function fetchPeaks(link: () => Promise<string | undefined>, signal: AbortSignal): Promise<Peaks | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      const url = await link();
      if (!url) return undefined;
      const answer = await fetch(url, { headers: { Accept: 'application/octet-stream' }, signal });
      if (answer.status === 200) return parsePeaks(await answer.arrayBuffer());
      if (!LATER.has(answer.status)) return undefined;
      await pause(Number(answer.headers.get('Retry-After')) || PAUSE_S, signal);
    } catch (reason) {
      if (signal.aborted) throw reason;
      return undefined;
    }
  }
  return undefined;
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.min(10, seconds) * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** The browser takes it from here, under the name that the server gives: no bytes pass through the page. */
export function navigateToFile(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  link.click();
}

/** Copies, also where a page without TLS has no clipboard of its own. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}
