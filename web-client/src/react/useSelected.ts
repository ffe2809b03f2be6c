/** Part of a store's state, so that a component is rendered for that part alone. Knows no recordings. */

import { useMemo, useSyncExternalStore } from 'react';
import { selecting } from '../core';

/** `get` returns the same object until something changes; what `select` makes of it is compared member by member. */
export function useSelected<S, T>(
  subscribe: (listener: () => void) => () => void,
  get: () => S,
  select: (state: S) => T,
): T {
  const read = useMemo(() => selecting(get, select), [get, select]);
  return useSyncExternalStore(subscribe, read, read);
}
