/** Who wants what, counted per SID and told to the server in batches. Knows no socket and no states. */

import type { ClientMessage, Intent } from './protocol';

interface Want {
  watch: number;
  play: number;
  /** A play that the server has yet to be told of, or has been told of and has not answered. */
  ask: 'no' | 'due' | 'sent';
  subscribed: boolean;
}

/** Keeps a batch of SIDs (37 bytes each) well inside the server's message limit. */
const BATCH = 256;

export class Subscriptions {
  #wants = new Map<string, Want>();
  #unanswered = new Map<number, string[]>();
  #nextId = 1;
  #room = 0;
  #scheduled = false;
  #send: (message: ClientMessage) => boolean;

  constructor(send: (message: ClientMessage) => boolean) {
    this.#send = send;
  }

  /** Wants `sid` until the returned function is called. Each `play` asks the server once, even after a failure. */
  add(sid: string, intent: Intent): () => void {
    const want = this.#wants.get(sid) ?? { watch: 0, play: 0, ask: 'no', subscribed: false };
    this.#wants.set(sid, want);
    want[intent] += 1;
    if (intent === 'play') want.ask = 'due';
    this.#schedule();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      want[intent] -= 1;
      if (want.play === 0) want.ask = 'no';
      this.#schedule();
    };
  }

  /** Asks once more for a recording that somebody wants to play. */
  askAgain(sid: string): void {
    const want = this.#wants.get(sid);
    if (!want || want.play === 0) return;
    want.ask = 'due';
    this.#schedule();
  }

  /** A new line knows nothing: everything is subscribed anew, and what is still waited for is asked for anew. */
  restart(maxSids: number, isSettled: (sid: string) => boolean): void {
    this.#unanswered.clear();
    this.#room = maxSids;
    for (const [sid, want] of this.#wants) {
      want.subscribed = false;
      if (want.play > 0 && (want.ask !== 'no' || !isSettled(sid))) want.ask = 'due';
    }
    this.#flush();
  }

  /** The SIDs of a request that was answered or refused. */
  settle(id: number): string[] {
    const sids = this.#unanswered.get(id) ?? [];
    this.#unanswered.delete(id);
    for (const sid of sids) {
      const want = this.#wants.get(sid);
      if (want?.ask === 'sent') want.ask = 'no';
    }
    return sids;
  }

  /** What one rendering pass wants and lets go of becomes one batch. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const leave: string[] = [];
    for (const [sid, want] of this.#wants) {
      if (want.watch + want.play > 0) continue;
      this.#wants.delete(sid);
      if (want.subscribed) leave.push(sid);
    }
    this.#request('unsubscribe', leave);
    this.#room += leave.length;

    // Whoever wants to listen comes first; what finds no room waits for somebody to leave.
    const due = [...this.#wants].filter(([, want]) => want.ask === 'due');
    const unseen = [...this.#wants].filter(([, want]) => want.ask === 'no' && !want.subscribed);
    this.#subscribe('play', due);
    this.#subscribe('watch', unseen);
  }

  #subscribe(intent: Intent, wanted: [string, Want][]): void {
    const sids: string[] = [];
    for (const [sid, want] of wanted) {
      if (!want.subscribed && this.#room <= 0) continue;
      if (!want.subscribed) this.#room -= 1;
      want.subscribed = true;
      if (intent === 'play') want.ask = 'sent';
      sids.push(sid);
    }
    this.#request('subscribe', sids, intent);
  }

  #request(type: 'subscribe' | 'unsubscribe', sids: string[], intent: Intent = 'watch'): void {
    for (let from = 0; from < sids.length; from += BATCH) {
      const batch = sids.slice(from, from + BATCH);
      const id = this.#nextId++;
      const message: ClientMessage =
        type === 'subscribe' ? { type, id, sids: batch, intent } : { type, id, sids: batch };
      // While the line is down nothing is sent: the next one begins with everything that is wanted then.
      if (this.#send(message) && type === 'subscribe') this.#unanswered.set(id, batch);
    }
  }
}
