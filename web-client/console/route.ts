/** Where the user is, kept in the address's fragment: `#/calls/CA…?t=83&q=noa&state=failed`. Knows no page. */

import { useSyncExternalStore } from 'react';
import type { State } from '../src/core';

export interface Route {
  /** The call that is open. */
  sid: string | undefined;
  /** Seconds into it. */
  at: number | undefined;
  q: string;
  state: State | '';
}

const STATES: readonly string[] = ['unknown', 'queued', 'downloading', 'ready', 'failed', 'gone'];

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const sid = /^\/calls\/((?:CA|RE)[0-9a-fA-F]{32})$/.exec(path)?.[1];
  const params = new URLSearchParams(query);
  const at = Number(params.get('t') ?? NaN);
  const state = params.get('state') ?? '';
  return {
    sid,
    at: sid !== undefined && at >= 0 ? at : undefined,
    q: params.get('q') ?? '',
    state: STATES.includes(state) ? (state as State) : '',
  };
}

export function formatRoute({ sid, at, q, state }: Route): string {
  const params = new URLSearchParams();
  if (sid !== undefined && at !== undefined) params.set('t', String(Math.floor(at)));
  if (q) params.set('q', q);
  if (state) params.set('state', state);
  const query = params.size > 0 ? `?${params}` : '';
  return `#/${sid === undefined ? '' : `calls/${sid}`}${query}`;
}

/** The address of a call at a moment, for others to open. */
export function addressOf(sid: string, at?: number): string {
  return new URL(formatRoute({ sid, at, q: '', state: '' }), location.href).href;
}

const MOVED = 'landfall:moved';

/** Of an entry in the history: the list is the one before it. */
interface Entry {
  listBefore?: boolean;
}

/** `replace` leaves no entry behind for the way back. */
export function go(changed: Partial<Route>, { replace = false } = {}): void {
  const next = formatRoute({ ...parseRoute(location.hash), at: undefined, ...changed });
  if (next === (location.hash || '#/')) return;
  const entry: Entry = { listBefore: replace ? (history.state as Entry | null)?.listBefore === true : true };
  history[replace ? 'replaceState' : 'pushState'](entry, '', next);
  window.dispatchEvent(new Event(MOVED));
}

/** From a call to the list: back, where that is the list, so that the browser's own way back does not return to the call. */
export function goToList(): void {
  if ((history.state as Entry | null)?.listBefore) history.back();
  else go({ sid: undefined }, { replace: true });
}

function listen(listener: () => void): () => void {
  const events = ['hashchange', 'popstate', MOVED];
  for (const event of events) window.addEventListener(event, listener);
  return () => {
    for (const event of events) window.removeEventListener(event, listener);
  };
}

let last: { hash: string; route: Route } | undefined;

function read(): Route {
  const { hash } = location;
  if (last?.hash !== hash) last = { hash, route: parseRoute(hash) };
  return last.route;
}

export function useRoute(): Route {
  return useSyncExternalStore(listen, read);
}
