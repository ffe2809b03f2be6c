/** Links to the bytes: asked for once, kept until shortly before they expire. Knows no player. */

import type { Http } from './http';

export type Purpose = 'play' | 'download';

/** Where the bytes are. */
export interface Source {
  /** Opens the recording without header or cookie, until it expires. */
  url: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
  durationMs?: number | undefined;
  /** Waveform, where the server has one. */
  peaksUrl?: string | undefined;
}

/** Signs a link. Embedders whose back end does that give their own. Rejects with `ProblemError` or any other error. */
export type GetSource = (sid: string, purpose: Purpose) => Promise<Source>;

export interface SourceOptions {
  /** Not the link that is kept: it was refused. */
  fresh?: boolean;
}

/** A link is not handed out in its last moments: a seek must still find it open. */
const MARGIN_MS = 30_000;
/** Links kept; the oldest goes first. */
const MOST = 200;

export class Sources {
  #get: GetSource;
  #kept = new Map<string, Source>();
  #flights = new Map<string, Promise<Source>>();

  constructor(get: GetSource) {
    this.#get = get;
  }

  get(sid: string, purpose: Purpose, { fresh = false }: SourceOptions = {}): Promise<Source> {
    const key = `${purpose} ${sid}`;
    const kept = this.#kept.get(key);
    if (kept && !fresh && kept.expiresAt - Date.now() > MARGIN_MS) return Promise.resolve(kept);
    let flight = this.#flights.get(key);
    if (!flight) {
      flight = this.#get(sid, purpose)
        .then((source) => {
          this.#keep(key, source);
          return source;
        })
        .finally(() => {
          if (this.#flights.get(key) === flight) this.#flights.delete(key);
        });
      this.#flights.set(key, flight);
    }
    return flight;
  }

  /** Links that were signed for somebody else, or for what is gone. */
  forget(sid?: string): void {
    for (const key of [...this.#kept.keys()]) if (!sid || key.endsWith(sid)) this.#kept.delete(key);
    if (!sid) this.#flights.clear();
  }

  #keep(key: string, source: Source): void {
    this.#kept.delete(key);
    this.#kept.set(key, source);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > MOST && !oldest.done) this.#kept.delete(oldest.value);
  }
}

/** Links that Landfall itself signs. */
export function signedBy(http: Http): GetSource {
  return async (sid, purpose) => {
    const link = (await http.json(`/api/recordings/${sid}/link`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ purpose }),
    })) as { url: string; expires_at: string; duration_ms?: number; peaks_url?: string };
    return {
      url: link.url,
      expiresAt: Date.parse(link.expires_at),
      durationMs: link.duration_ms,
      peaksUrl: link.peaks_url,
    };
  };
}
