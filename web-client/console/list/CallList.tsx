import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import { dayName } from '../format';
import { useLanguage } from '../i18n/language';
import { Icon } from '../Icon';
import { CallRow } from './CallRow';
import { callFrom, callsFrom, dayOf, layOut, type Layout } from './layout';
import type { Calls } from './useCalls';
import { useWindow } from './useWindow';

interface Props {
  calls: Calls;
  /** A search goes through older calls only when told to. */
  filtered: boolean;
  open: string | undefined;
  /** The call that sounds. */
  playing: string | undefined;
  onOpen: (sid: string) => void;
  onPlay: (sid: string) => void;
}

/** As many entries before the end the next page is fetched. */
const AHEAD = 40;
/** Rows that PageUp and PageDown move by. */
const PAGE_ROWS = 8;

/** Calls under the days they were made on. Only what is in sight exists, however many there are. */
export function CallList({ calls, filtered, open, playing, onOpen, onPlay }: Props) {
  const { code, text } = useLanguage();
  const scroller = useRef<HTMLDivElement>(null);
  const { items, hasMore, loadMore, loading } = calls;
  const layout = useMemo(() => layOut(items), [items]);
  const { first, last, top, settled, atTop } = useWindow(scroller, layout);
  const { reachable, onKeyDown, onFocus } = useArrows(layout, scroller);
  const [unseen, setUnseen] = useUnseen(items, atTop);

  useEffect(() => {
    const enough = !filtered || items.length >= AHEAD;
    if (hasMore && enough && !calls.problem && last >= layout.entries.length - AHEAD) loadMore();
  }, [hasMore, filtered, items, calls.problem, last, layout, loadMore]);

  const drawn = [];
  for (let at = first; at <= last && at < layout.entries.length; at++) drawn.push(at);
  // What has the focus stays, or the keyboard would lose its place.
  const focused = reachable === undefined ? -1 : reachable;
  if (focused >= 0 && focused < layout.entries.length && (focused < first || focused > last)) drawn.push(focused);
  const day = dayOf(layout, top);

  return (
    <div className="list-frame">
      {day && !atTop && (
        <p className="day afloat" aria-hidden="true">
          {dayName(day.time, code, text)}
        </p>
      )}
      {unseen > 0 && (
        <button
          type="button"
          className="button small arrived"
          onClick={() => {
            setUnseen(0);
            scroller.current?.scrollTo({ top: 0 });
          }}
        >
          <Icon name="up" />
          {text.newCalls(unseen)}
        </button>
      )}
      {/* Its rows are reached by the keyboard; the list itself must not be a stop of its own in Firefox. */}
      <div ref={scroller} className={`list ${loading ? 'stale' : ''}`} tabIndex={-1}>
        <ol
          aria-label={text.calls}
          aria-busy={loading}
          aria-describedby="list-help"
          style={{ height: layout.tops.at(-1) }}
          onKeyDown={onKeyDown}
        >
          {drawn.map((at) => {
            const entry = layout.entries[at]!;
            if (entry.kind === 'day') {
              return (
                <li key={entry.key} className="day" style={{ transform: `translateY(${layout.tops[at]}px)` }}>
                  <h2>{dayName(entry.time, code, text)}</h2>
                </li>
              );
            }
            return (
              <CallRow
                key={entry.key}
                listed={entry.recording}
                watched={settled}
                open={entry.key === open}
                playing={entry.key === playing}
                reachable={at === (reachable ?? callFrom(layout, 0, 1))}
                top={layout.tops[at]!}
                position={at + 1}
                onOpen={onOpen}
                onPlay={onPlay}
                onFocus={() => onFocus(at)}
              />
            );
          })}
        </ol>
        {hasMore && (
          <div className="list-foot">
            {calls.problem && <p role="alert">{text.error.title}</p>}
            <button type="button" className="button small" disabled={calls.loadingMore} onClick={loadMore}>
              {calls.loadingMore ? text.loadingMore : calls.problem ? text.error.retry : filtered ? text.searchFurther : text.more}
            </button>
          </div>
        )}
      </div>
      <p id="list-help" hidden>
        {text.listHelp}
      </p>
    </div>
  );
}

/** As many of the newest calls are compared with those before. */
const COMPARED = 50;

/** How many calls have come in since the top was in sight. */
function useUnseen(items: Calls['items'], atTop: boolean): [number, (n: number) => void] {
  const [unseen, setUnseen] = useState(0);
  const known = useRef<Set<string>>(undefined);
  useEffect(() => {
    const newest = items.slice(0, COMPARED).map(({ sid }) => sid);
    const before = known.current;
    const come = before ? newest.filter((sid) => !before.has(sid)).length : 0;
    known.current = new Set(items.slice(0, 2 * COMPARED).map(({ sid }) => sid));
    setUnseen((n) => (atTop ? 0 : n + come));
  }, [items, atTop]);
  return [unseen, setUnseen];
}

/** One row is a stop of the tab key; arrows move from row to row. */
function useArrows(layout: Layout, scroller: RefObject<HTMLElement | null>) {
  const [key, setKey] = useState<string>();
  const wanted = useRef(false);
  const index = useMemo(() => layout.entries.findIndex((entry) => entry.key === key), [layout, key]);
  const reachable = index < 0 ? undefined : index;

  const move = (to: number | undefined) => {
    const element = scroller.current;
    if (to === undefined || !element) return;
    wanted.current = true;
    setKey(layout.entries[to]!.key);
    const [begin, end] = [layout.tops[to]!, layout.tops[to + 1]!];
    if (begin < element.scrollTop + 40) element.scrollTop = begin - 40;
    else if (end > element.scrollTop + element.clientHeight) element.scrollTop = end - element.clientHeight;
  };

  useLayoutEffect(() => {
    if (!wanted.current || key === undefined) return;
    wanted.current = false;
    scroller.current?.querySelector<HTMLElement>(`[data-sid="${key}"] .row-link`)?.focus({ preventScroll: true });
  }, [key, scroller]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const here = reachable ?? 0;
    const end = layout.entries.length - 1;
    const target = {
      ArrowDown: () => callFrom(layout, here + 1, 1),
      ArrowUp: () => callFrom(layout, here - 1, -1),
      PageDown: () => callsFrom(layout, here, PAGE_ROWS),
      PageUp: () => callsFrom(layout, here, -PAGE_ROWS),
      Home: () => callFrom(layout, 0, 1),
      End: () => callFrom(layout, end, -1),
    }[event.key];
    if (!target) return;
    event.preventDefault();
    move(target());
  };

  const onFocus = useCallback((at: number) => setKey(layout.entries[at]?.key), [layout]);
  return { reachable, onKeyDown, onFocus };
}
