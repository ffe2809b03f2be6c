import { useCallback, useEffect, useRef, useState } from 'react';
import { listAudit, Problem, type AuditItem } from '../api';

export interface Audit {
  items: AuditItem[];
  loaded: boolean;
  loading: boolean;
  hasMore: boolean;
  problem: Problem | undefined;
  /** Reads it anew from the newest entry. */
  reload: () => void;
  loadMore: () => void;
}

/** Who did what with a recording, newest first. Nothing is asked before `reload`, or at once with `eager`. */
export function useAudit(sid: string, token: string | undefined, eager: boolean): Audit {
  const [items, setItems] = useState<AuditItem[]>([]);
  const [cursor, setCursor] = useState<string>();
  const [loaded, setLoaded] = useState(false);
  const [loading, setLoading] = useState(eager);
  const [problem, setProblem] = useState<Problem>();
  const request = useRef<AbortController>(undefined);

  const ask = useCallback(
    async (from: string | undefined) => {
      request.current?.abort();
      const controller = new AbortController();
      request.current = controller;
      setLoading(true);
      try {
        const page = await listAudit(sid, from, token, controller.signal);
        if (controller.signal.aborted) return;
        setItems((old) => (from === undefined ? page.items : [...old, ...page.items]));
        setCursor(page.next_cursor?.toString());
        setProblem(undefined);
        setLoaded(true);
      } catch (error) {
        if (controller.signal.aborted) return;
        setProblem(error instanceof Problem ? error : new Problem(502));
      }
      setLoading(false);
    },
    [sid, token],
  );

  const reload = useCallback(() => void ask(undefined), [ask]);
  const loadMore = useCallback(() => {
    if (cursor !== undefined) void ask(cursor);
  }, [ask, cursor]);
  useEffect(() => {
    if (eager) reload();
    return () => request.current?.abort();
  }, [eager, reload]);

  return { items, loaded, loading, hasMore: cursor !== undefined, problem, reload, loadMore };
}
