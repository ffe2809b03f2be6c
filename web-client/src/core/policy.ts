/** When to reconnect, and when somebody must mend something first. Pure rules, no socket. */

/** What has to be mended before a reconnect makes sense. */
export type Mend = 'message' | 'token' | 'forbidden' | 'protocol' | 'limits';

const MEND: Readonly<Record<number, Mend>> = {
  1009: 'message',
  4400: 'message',
  4401: 'token',
  4403: 'forbidden',
  4406: 'protocol',
  4408: 'token',
  4429: 'limits',
};

/** What a close code asks for; `undefined` means: reconnect with jitter. */
export function mend(code: number): Mend | undefined {
  return MEND[code] ?? (code >= 4400 && code < 4500 ? 'message' : undefined);
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Milliseconds until the next attempt. Full jitter, so that a crowd that lost one server comes back spread out. */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
}
