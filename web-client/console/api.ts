/** The calls of Landfall's HTTP API that the console makes. */

import { ProblemError, type GetSource, type Recording, type State } from '../src/core';

/** Why a request failed, in words for the user; `status` 0 when no answer came. */
export class Problem extends ProblemError {
  constructor(status: number, messages: ProblemError['messages'] = {}, code = status === 0 ? 'unreachable' : 'unexpected') {
    super(status, code, status === 0 || status >= 500, messages);
  }
}

interface Page<Item> {
  items: Item[];
  next_cursor?: string | number | null;
}

export interface CallsQuery {
  q?: string;
  state?: State | '';
  cursor?: string;
  limit?: number;
}

/** One thing that somebody did with a recording, or was refused. */
export interface AuditItem {
  at: string;
  who: string | null;
  action: string;
  sid: string;
  address: string;
  outcome: string;
}

const LONGEST_MS = 20_000;

export function listCalls(query: CallsQuery, token: string | undefined, signal: AbortSignal): Promise<Page<Recording>> {
  return page<Recording>('/api/recordings', { ...query }, token, signal);
}

export function listAudit(
  sid: string,
  cursor: string | undefined,
  token: string | undefined,
  signal: AbortSignal,
): Promise<Page<AuditItem>> {
  return page<AuditItem>(`/api/recordings/${sid}/audit`, { cursor, limit: 50 }, token, signal);
}

/** Erases for good. */
export async function erase(sid: string, token: string | undefined): Promise<void> {
  await send('DELETE', `/api/recordings/${sid}`, token);
}

/** Exempts a call from retention and erasure, or lets go of it. */
export async function setHold(sid: string, held: boolean, token: string | undefined): Promise<void> {
  await send(held ? 'PUT' : 'DELETE', `/api/recordings/${sid}/hold`, token);
}

/** The page's own origin, whatever public name the server gives itself: the page's policy allows no other. */
function onThisOrigin(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

/** Links to the bytes that Landfall signs, on this page's origin: `<audio>` and downloads cannot send headers. */
export function signedBy(token: string | undefined): GetSource {
  return async (sid, purpose) => {
    const link = (await send('POST', `/api/recordings/${sid}/link`, token, undefined, { purpose })) as {
      url: string;
      expires_at: string;
      duration_ms?: number;
      peaks_url?: string;
    };
    return {
      url: onThisOrigin(link.url),
      expiresAt: Date.parse(link.expires_at),
      durationMs: link.duration_ms,
      peaksUrl: link.peaks_url && onThisOrigin(link.peaks_url),
    };
  };
}

async function page<Item>(
  path: string,
  query: Record<string, string | number | undefined>,
  token: string | undefined,
  signal: AbortSignal,
): Promise<Page<Item>> {
  const filled = Object.entries(query).filter(([, value]) => value !== '' && value !== undefined);
  const search = new URLSearchParams(filled.map(([key, value]) => [key, String(value)]));
  const body = await send('GET', `${path}?${search}`, token, signal);
  if (!Array.isArray((body as Page<Item> | null)?.items)) throw new Problem(502);
  return body as Page<Item>;
}

async function send(
  method: string,
  path: string,
  token: string | undefined,
  signal?: AbortSignal,
  order?: object,
): Promise<unknown> {
  let answer: Response;
  let body: unknown;
  const limit = AbortSignal.timeout(LONGEST_MS);
  try {
    answer = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(order ? { 'Content-Type': 'application/json' } : {}),
      },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(order ? { body: JSON.stringify(order) } : {}),
    });
    body = await answer.json().catch(() => null);
  } catch {
    signal?.throwIfAborted();
    throw new Problem(0);
  }
  if (answer.ok) return body;
  const { message, message_he, code } = (body ?? {}) as { message?: string; message_he?: string; code?: string };
  throw new Problem(answer.status, { en: message, he: message_he }, code);
}
