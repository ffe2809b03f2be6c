/** Requests to the server, with the token and with errors as the server words them. Knows no recordings. */

import type { Tokens } from './tokens';

/** Why a request failed. `status` 0 when no answer came. Messages are the server's, for people. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    /** Whether asking again may help. */
    readonly temporary: boolean,
    readonly messages: { en?: string | undefined; he?: string | undefined } = {},
  ) {
    super(messages.en ?? code);
    this.name = 'ProblemError';
  }
}

/** An answer that does not come is no answer: a held one comes within a minute. */
const LONGEST_MS = 70_000;

export class Http {
  #base: () => string;
  #tokens: Tokens;

  constructor(base: () => string, tokens: Tokens) {
    this.#base = base;
    this.#tokens = tokens;
  }

  /** `fetch` of a path of the server, with credentials; once more with a new token when ours was refused. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const sent = this.#tokens.current;
    const answer = await this.#once(path, init);
    if (answer.status !== 401 || !this.#tokens.canRenew) return answer;
    // Somebody else may have renewed it while this was on its way.
    const token = this.#tokens.current === sent ? await this.#tokens.renew('rejected') : this.#tokens.current;
    return token === undefined ? answer : this.#once(path, init);
  }

  /** The JSON of an answer; throws `ProblemError`, or the abort. */
  async json(path: string, init: RequestInit = {}): Promise<unknown> {
    const limit = AbortSignal.timeout(LONGEST_MS);
    const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
    let answer: Response;
    try {
      answer = await this.fetch(path, { ...init, signal });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ProblemError(0, 'unreachable', true);
    }
    if (!answer.ok) throw await problem(answer);
    try {
      return await answer.json();
    } catch {
      throw new ProblemError(answer.status, 'bad_answer', true);
    }
  }

  #once(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#tokens.current) headers.set('Authorization', `Bearer ${this.#tokens.current}`);
    return fetch(this.#base() + path, { credentials: 'include', ...init, headers });
  }
}

/** What an answer that is no success says. */
export async function problem(answer: Response): Promise<ProblemError> {
  const said = ((await answer.json().catch(() => null)) ?? {}) as Record<string, string | undefined>;
  const { status } = answer;
  const temporary = status === 408 || status === 429 || (status >= 500 && said.code !== 'source_unauthorized');
  const words = { en: said.message, he: said.message_he };
  return new ProblemError(status, said.code ?? `http_${status}`, temporary, words);
}
