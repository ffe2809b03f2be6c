/** Parts of what is known, the same object for as long as the part is the same. */

/** Whether two values are the same, or plain objects or lists with the same members. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  const [one, other] = [Object.entries(a), Object.entries(b)];
  return one.length === other.length && one.every(([key, value]) => Object.is(value, (b as never)[key]));
}

/** A `getSnapshot` for `useSyncExternalStore`: reads, selects, and keeps the old object while nothing in it has changed. */
export function selecting<S, T>(read: () => S, select: (from: S) => T, equal: (a: T, b: T) => boolean = isSame): () => T {
  let last: { from: S; part: T } | undefined;
  return () => {
    const from = read();
    if (last && Object.is(last.from, from)) return last.part;
    const part = select(from);
    last = { from, part: last && equal(last.part, part) ? last.part : part };
    return last.part;
  };
}
