import type { Recording } from '../../src/core';

export interface List {
  items: Recording[];
  cursor: string | undefined;
}

/**
 * The list after its first page was read again: what is new comes on top, what lies below the page stays. The list
 * itself when it names the same calls: their states are told elsewhere.
 */
export function merge(old: List, page: List): List {
  const last = page.items.at(-1);
  const seam = last === undefined ? -1 : old.items.findIndex(({ sid }) => sid === last.sid);
  // A page that ends the list is all of it; one that ends above everything known has left a gap: begin again there.
  const whole = page.cursor === undefined || seam < 0;
  if (page.items.every(({ sid }, n) => sid === old.items[n]?.sid)) {
    if (whole ? page.items.length === old.items.length && page.cursor === old.cursor : true) return old;
  }
  return whole ? page : { items: [...page.items, ...old.items.slice(seam + 1)], cursor: old.cursor };
}
