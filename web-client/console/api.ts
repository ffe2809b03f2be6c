/** The calls of Landfall's HTTP API that the console makes. */

import type { Recording, State } from '../src/core';

/** Why a call failed, in words for the user; `status` 0 when no answer came. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly messages: { en?: string | undefined; he?: string | undefined } = {},
  ) {
    super(messages.en ?? `status ${status}`);
  }
}

export interface Page {
  items: Recording[];
  next_cursor?: string | null;
}

export interface CallsQuery {
  q?: string;
  state?: State | '';
  cursor?: string;
  limit?: number;
}

const LONGEST_MS = 20_000;

export async function listCalls(query: CallsQuery, token: string | undefined, signal: AbortSignal): Promise<Page> {
  const filled = Object.entries(query).filter(([, value]) => value !== '' && value !== undefined);
  const search = new URLSearchParams(filled.map(([key, value]) => [key, String(value)]));
  const page = await get(`/api/recordings?${search}`, token, signal);
  if (!Array.isArray((page as Page | null)?.items)) throw new Problem(502);
  return page as Page;
}

export function downloadUrl(sid: string): string {
  return `/api/calls/${sid}/download`;
}

/** The page's own origin, whatever public name the server gives itself: cookie and policy are bound to it. */
export function onThisOrigin(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

export function socketUrl(): string {
  return new URL('/ws/recordings', location.href.replace(/^http/, 'ws')).href;
}

async function get(path: string, token: string | undefined, signal: AbortSignal): Promise<unknown> {
  let answer: Response;
  let body: unknown;
  try {
    answer = await fetch(path, {
      headers: token
        ? { Accept: 'application/json', Authorization: `Bearer ${token}` }
        : { Accept: 'application/json' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]),
    });
    body = await answer.json().catch(() => null);
  } catch {
    signal.throwIfAborted();
    throw new Problem(0);
  }
  if (answer.ok) return body;
  const { message, message_he } = (body ?? {}) as { message?: string; message_he?: string };
  throw new Problem(answer.status, { en: message, he: message_he });
}
