import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react';
import { entryAt, type Layout } from './layout';

/** Drawn beyond either edge of the screen, in pixels: what scrolls in is there already. */
const BEYOND_PX = 400;
/** A scroll that pauses this long has arrived. */
const SETTLED_MS = 120;

export interface Window {
  /** The first and last entry to draw. */
  first: number;
  last: number;
  /** The entry at the top edge. */
  top: number;
  /** Nobody is scrolling at the moment. */
  settled: boolean;
  /** Whether the very top is in sight. */
  atTop: boolean;
}

const AT_FIRST: Window = { first: 0, last: 0, top: 0, settled: true, atTop: true };

/**
 * Which entries of a laid out list are in sight. When calls come in above, what is being read stays where it is; at the
 * very top they push the list down.
 */
export function useWindow(scroller: RefObject<HTMLElement | null>, layout: Layout): Window {
  const [seen, setSeen] = useState(AT_FIRST);
  const latest = useRef(layout);
  latest.current = layout;
  const anchor = useRef<{ key: string; below: number } | undefined>(undefined);
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined);

  const look = useCallback(
    (settled: boolean) => {
      const element = scroller.current;
      if (!element) return;
      const { scrollTop, clientHeight } = element;
      const top = entryAt(latest.current, scrollTop);
      const first = entryAt(latest.current, scrollTop - BEYOND_PX);
      const last = entryAt(latest.current, scrollTop + clientHeight + BEYOND_PX);
      const atTop = scrollTop < 8;
      const entry = latest.current.entries[top];
      anchor.current = atTop || !entry ? undefined : { key: entry.key, below: scrollTop - latest.current.tops[top]! };
      setSeen((old) =>
        old.first === first && old.last === last && old.top === top && old.settled === settled && old.atTop === atTop
          ? old
          : { first, last, top, settled, atTop },
      );
    },
    [scroller],
  );

  useLayoutEffect(() => {
    const element = scroller.current;
    const held = anchor.current;
    if (element && held) {
      const at = layout.entries.findIndex(({ key }) => key === held.key);
      const wanted = at < 0 ? undefined : layout.tops[at]! + held.below;
      if (wanted !== undefined && wanted !== element.scrollTop) element.scrollTop = wanted;
    }
    look(true);
  }, [scroller, layout, look]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      look(false);
      clearTimeout(settling.current);
      settling.current = setTimeout(() => look(true), SETTLED_MS);
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    const resized = new ResizeObserver(() => look(true));
    resized.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      resized.disconnect();
      clearTimeout(settling.current);
    };
  }, [scroller, look]);

  return seen;
}
