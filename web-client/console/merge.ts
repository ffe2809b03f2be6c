import type { Recording } from '../src/core';

interface List {
  items: Recording[];
  cursor: string | undefined;
}

/** The list after its first page was read again: what is new comes on top, what lies below the page stays. */
export function merge(old: List, page: List): List {
  const last = page.items.at(-1);
  const seam = last === undefined ? -1 : old.items.findIndex(({ sid }) => sid === last.sid);
  // A page that ends the list is all of it; one that ends above everything known has left a gap: begin again there.
  if (page.cursor === undefined || seam < 0) return page;
  return { items: [...page.items, ...old.items.slice(seam + 1)], cursor: old.cursor };
}
