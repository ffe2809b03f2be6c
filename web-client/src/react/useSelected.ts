/** Part of a store's state, so that a component is rendered for that part alone. Knows no recordings. */

import { useCallback, useRef, useSyncExternalStore } from 'react';

/** `get` returns the same object until something changes; what `selector` makes of it is compared member by member. */
export function useSelected<S, T>(
  subscribe: (listener: () => void) => () => void,
  get: () => S,
  selector: (state: S) => T,
): T {
  const last = useRef<{ of: S; by: (state: S) => T; is: T }>(undefined);
  const read = useCallback(() => {
    const of = get();
    const before = last.current;
    if (before && before.of === of && before.by === selector) return before.is;
    const next = selector(of);
    const is = before && alike(before.is, next) ? before.is : next;
    last.current = { of, by: selector, is };
    return is;
  }, [get, selector]);
  return useSyncExternalStore(subscribe, read, read);
}

function alike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.is(left[key], right[key]));
}
