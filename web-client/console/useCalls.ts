import { useCallback, useEffect, useRef, useState } from 'react';
import type { Recording, State } from '../src/core';
import { useClient, useLink } from '../src/react';
import { listCalls, Problem } from './api';
import { merge } from './merge';

export interface Filter {
  q: string;
  state: State | '';
}

export interface Calls {
  items: Recording[];
  hasMore: boolean;
  /** The first page of this filter is on its way. */
  loading: boolean;
  loadingMore: boolean;
  refreshing: boolean;
  /** Of the last request, whichever that was. */
  problem: Problem | undefined;
  /** How many calls the last refresh has brought. */
  arrived: number;
  loadMore: () => void;
  refresh: () => void;
  reload: () => void;
}

const PAGE = 50;

type Busy = 'loading' | 'loadingMore' | 'refreshing' | undefined;

/**
 * The tenant's calls, newest first. States come by the socket; which calls there are is asked when the filter
 * changes, when the line or the page comes back, and when the user says so.
 */
export function useCalls(filter: Filter, token: string | undefined, onUnauthorized: () => void): Calls {
  const client = useClient();
  const { phase } = useLink();
  const [list, setList] = useState<{ items: Recording[]; cursor: string | undefined }>({
    items: [],
    cursor: undefined,
  });
  const [busy, setBusy] = useState<Busy>('loading');
  const [problem, setProblem] = useState<Problem>();
  const [arrived, setArrived] = useState(0);
  const shown = useRef(list.items);
  shown.current = list.items;
  const request = useRef<AbortController>(undefined);
  const { q, state } = filter;

  const ask = useCallback(
    async (kind: Exclude<Busy, undefined>, cursor?: string) => {
      request.current?.abort();
      const controller = new AbortController();
      request.current = controller;
      setBusy(kind);
      try {
        const page = await listCalls(
          { q, state, limit: PAGE, ...(cursor ? { cursor } : {}) },
          token,
          controller.signal,
        );
        if (controller.signal.aborted) return;
        client.put(page.items);
        const next = { items: page.items, cursor: page.next_cursor ?? undefined };
        const known = new Set(shown.current.map(({ sid }) => sid));
        const fresh = next.items.filter(({ sid }) => !known.has(sid));
        setProblem(undefined);
        setArrived(kind === 'refreshing' ? fresh.length : 0);
        setList((old) => {
          if (kind === 'loading') return next;
          if (kind === 'refreshing') return merge(old, next);
          return { items: [...old.items, ...fresh], cursor: next.cursor };
        });
      } catch (error) {
        if (controller.signal.aborted) return;
        const what = error instanceof Problem ? error : new Problem(502);
        if (what.status === 401) onUnauthorized();
        else setProblem(what);
      }
      setBusy(undefined);
    },
    [client, token, q, state, onUnauthorized],
  );

  const idle = useRef(false);
  idle.current = busy === undefined;

  const reload = useCallback(() => void ask('loading'), [ask]);
  const refresh = useCallback(() => {
    if (idle.current) void ask('refreshing');
  }, [ask]);
  const loadMore = useCallback(() => {
    if (idle.current && list.cursor) void ask('loadingMore', list.cursor);
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
    const onVisible = () => {
      if (document.visibilityState === 'visible') latest.current();
    };
    document.addEventListener('visibilitychange', onVisible);
    return () => document.removeEventListener('visibilitychange', onVisible);
  }, []);

  return {
    items: list.items,
    hasMore: list.cursor !== undefined,
    loading: busy === 'loading',
    loadingMore: busy === 'loadingMore',
    refreshing: busy === 'refreshing',
    problem,
    arrived,
    loadMore,
    refresh,
    reload,
  };
}
