/** For tests: a server that is asked by `fetch`, whose answers are the test's. */

import { vi } from 'vitest';

export interface Asked {
  method: string;
  path: string;
  headers: Headers;
  signal: AbortSignal | null | undefined;
  answer(status: number, body?: unknown): void;
  /** Opens an event stream; what is written is heard. */
  stream(): { write(event: object | string): void; end(): void };
  fail(): void;
}

export class FakeServer {
  asked: Asked[] = [];

  install(): void {
    vi.stubGlobal('fetch', (url: string, init: RequestInit = {}) => {
      let resolve!: (answer: Response) => void;
      let reject!: (why: Error) => void;
      const promise = new Promise<Response>((yes, no) => ([resolve, reject] = [yes, no]));
      const { signal } = init;
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
      this.asked.push({
        method: init.method ?? 'GET',
        path: url.replace(/^https?:\/\/[^/]+/, ''),
        headers: new Headers(init.headers),
        signal,
        answer: (status, body = {}) => resolve(new Response(JSON.stringify(body), { status })),
        fail: () => reject(new TypeError('Failed to fetch')),
        stream: () => {
          let out!: ReadableStreamDefaultController<Uint8Array>;
          const body = new ReadableStream<Uint8Array>({ start: (controller) => void (out = controller) });
          signal?.addEventListener('abort', () => out.error(signal.reason));
          resolve(new Response(body));
          const text = (event: object | string) =>
            typeof event === 'string' ? event : `event: x\ndata: ${JSON.stringify(event)}\n\n`;
          return { write: (event) => out.enqueue(new TextEncoder().encode(text(event))), end: () => out.close() };
        },
      });
      return promise;
    });
  }

  /** The requests for paths that begin so. */
  of(path: string): Asked[] {
    return this.asked.filter((asked) => asked.path.startsWith(path));
  }

  get last(): Asked {
    return this.asked.at(-1)!;
  }
}

/** Promises and streams do what they are due to do; no time passes. */
export const turn = async (): Promise<void> => {
  for (let n = 0; n < 30; n++) await vi.advanceTimersByTimeAsync(0);
};
