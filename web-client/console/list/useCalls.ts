import { useCallback, useEffect, useRef, useState } from 'react';
import type { Recording, State } from '../../src/core';
import { useClient, useLink } from '../../src/react';
import { listCalls, Problem } from '../api';
import { merge, type List } from './merge';

export interface Filter {
  q: string;
  state: State | '';
}

export interface Calls {
  items: Recording[];
  hasMore: boolean;
  /** The first page of this filter is on its way. */
  loading: boolean;
  /** Grows when the list begins anew, as for another filter. */
  generation: number;
  loadingMore: boolean;
  /** Of the last request, whichever that was. */
  problem: Problem | undefined;
  loadMore: () => void;
  refresh: () => void;
  reload: () => void;
}

/** What a first page needs to fill any screen; further ones are fetched while somebody scrolls. */
const PAGE = 50;
const FURTHER_PAGE = 200;
/** States are pushed, which calls there are is not: how often a page that is looked at asks for new ones. */
const REFRESH_MS = 10_000;

type Busy = 'loading' | 'loadingMore' | 'refreshing' | undefined;

const NOTHING: List = { items: [], cursor: undefined };

/**
 * The tenant's calls, newest first. States come by the socket; which calls there are is asked when the filter
 * changes, when the line or the page comes back, and every ten seconds while the page is in sight.
 */
export function useCalls(filter: Filter, token: string | undefined, onUnauthorized: () => void): Calls {
  const client = useClient();
  const { phase } = useLink();
  const [list, setList] = useState(NOTHING);
  const [generation, setGeneration] = useState(0);
  const [busy, setBusy] = useState<Busy>('loading');
  const [problem, setProblem] = useState<Problem>();
  const request = useRef<AbortController>(undefined);
  const { q, state } = filter;

  const ask = useCallback(
    async (kind: Exclude<Busy, undefined>, cursor?: string) => {
      request.current?.abort();
      const controller = new AbortController();
      request.current = controller;
      setBusy(kind);
      try {
        const limit = kind === 'loadingMore' ? FURTHER_PAGE : PAGE;
        const page = await listCalls({ q, state, limit, ...(cursor ? { cursor } : {}) }, token, controller.signal);
        if (controller.signal.aborted) return;
        client.put(page.items);
        const next: List = { items: page.items, cursor: page.next_cursor?.toString() };
        setProblem(undefined);
        if (kind === 'loading') setGeneration((n) => n + 1);
        setList((old) => {
          if (kind === 'loading') return next;
          if (kind === 'refreshing') return merge(old, next);
          return { items: [...old.items, ...next.items], cursor: next.cursor };
        });
      } catch (error) {
        if (controller.signal.aborted) return;
        const what = error instanceof Problem ? error : new Problem(502);
        if (what.status === 401) onUnauthorized();
        // A look for new calls that finds no server is the notice's to tell, and what is shown stays.
        else if (kind !== 'refreshing' || what.status !== 0) setProblem(what);
      }
      setBusy(undefined);
    },
    [client, token, q, state, onUnauthorized],
  );

  const under = useRef<Busy>(undefined);
  under.current = busy;

  const reload = useCallback(() => void ask('loading'), [ask]);
  const refresh = useCallback(() => {
    if (under.current === undefined) void ask('refreshing');
  }, [ask]);
  const loadMore = useCallback(() => {
    // Nobody scrolls once more because a look for new calls was under way: that one gives way.
    const free = under.current === undefined || under.current === 'refreshing';
    if (free && list.cursor) void ask('loadingMore', list.cursor);
  }, [ask, list.cursor]);

  useEffect(() => {
    reload();
    return () => request.current?.abort();
  }, [reload]);

  // Only a line that comes back has missed something: the first one opens beside the first page.
  const lines = useRef(0);
  const latest = useRef(refresh);
  latest.current = refresh;
  useEffect(() => {
    if (phase === 'online' && ++lines.current > 1) latest.current();
  }, [phase]);

  useEffect(() => {
    const lookIfSeen = () => {
      if (document.visibilityState === 'visible') latest.current();
    };
    document.addEventListener('visibilitychange', lookIfSeen);
    const timer = setInterval(lookIfSeen, REFRESH_MS);
    return () => {
      document.removeEventListener('visibilitychange', lookIfSeen);
      clearInterval(timer);
    };
  }, []);

  return {
    items: list.items,
    hasMore: list.cursor !== undefined,
    loading: busy === 'loading',
    generation,
    loadingMore: busy === 'loadingMore',
    problem,
    loadMore,
    refresh,
    reload,
  };
}
