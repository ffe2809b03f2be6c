/** Why there is nothing to play, in the words of the server's problem codes. */

export interface Trouble {
  readonly code: string;
  /** Whether trying again may help. */
  readonly temporary: boolean;
}

/** What a rejected request for a link says: an error with `code` and `temporary`, or any other, taken for a broken line. */
export function troubleOf(reason: unknown): Trouble {
  const { code, temporary } = (reason ?? {}) as Partial<Trouble>;
  return typeof code === 'string' ? { code, temporary: temporary !== false } : { code: 'unreachable', temporary: true };
}
