/** The requests of a page, in order, by the browser's own account, and what it complained of. */

export function requestLog() {
  const entries = [];
  const byId = new Map();
  const ranges = new Map();
  const note = (id, more) => {
    const entry = byId.get(id);
    if (entry) Object.assign(entry, more);
  };
  return {
    complaints: [],
    sent: (id, method, url) => {
      const entry = { at: Date.now(), method, url, range: ranges.get(id), status: undefined };
      entries.push(entry);
      byId.set(id, entry);
    },
    range: (id, range) => {
      ranges.set(id, range);
      note(id, { range });
    },
    answered: (id, status) => note(id, { status }),
    /** Marks this moment; the returned function gives what was requested since, of paths that the pattern matches. */
    mark: () => {
      const from = entries.length;
      return (pattern = /./) => entries.slice(from).filter(({ url }) => pattern.test(new URL(url).pathname));
    },
  };
}

/** The bytes of recordings. */
export const MEDIA = /^\/api\/recordings\/file\//;

/** One line for people. */
export function line({ method, url, range, status }) {
  const { pathname } = new URL(url);
  return `${method} ${pathname}${range ? ` ${range}` : ''} → ${status ?? '…'}`;
}
