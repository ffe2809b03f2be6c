/** The token in hand, and how to get another. Knows no line. */

/** Why a token is wanted: there is none yet, it ends soon, or the server did not take it. */
export type TokenReason = 'start' | 'expiring' | 'rejected';

/** Gives a JWT; nothing means that nobody is signed in. A rejection means that it may be asked again later. */
export type GetToken = (reason: TokenReason) => Promise<string | null | undefined> | string | null | undefined;

export class Tokens {
  /** Without one the browser's cookie speaks for the user. */
  current: string | undefined;
  #get: GetToken | undefined;
  #flight: Promise<string | undefined> | undefined;
  /** A token was refused, and none of its successors has been taken yet. */
  #refused: 'no' | 'renew' | 'renewed' = 'no';

  #renewed: (token: string) => void;

  /** `renewed` hears of each token that was got. */
  constructor(token: string | undefined, get?: GetToken, renewed: (token: string) => void = () => {}) {
    this.current = token;
    this.#get = get;
    this.#renewed = renewed;
  }

  get canRenew(): boolean {
    return this.#get !== undefined;
  }

  /** Why a token has to be asked for before the next attempt, if it has. */
  get due(): TokenReason | undefined {
    if (!this.#get) return undefined;
    if (this.#refused === 'renew') return 'rejected';
    return this.current === undefined ? 'start' : undefined;
  }

  /** The server took what we brought. */
  accepted(): void {
    this.#refused = 'no';
  }

  /** The server refused it. Whether another is worth a try: one that was refused right after another is not. */
  refused(): boolean {
    if (!this.#get || this.#refused === 'renewed') return false;
    this.#refused = 'renew';
    return true;
  }

  /** Asks for another token, however many ask at the same time once. */
  renew(reason: TokenReason): Promise<string | undefined> {
    this.#flight ??= this.#ask(reason).finally(() => (this.#flight = undefined));
    return this.#flight;
  }

  async #ask(reason: TokenReason): Promise<string | undefined> {
    const token = (await this.#get?.(reason)) ?? undefined;
    if (this.#refused === 'renew') this.#refused = 'renewed';
    this.current = token;
    if (token !== undefined) this.#renewed(token);
    return token;
  }
}
