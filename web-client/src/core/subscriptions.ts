/** Who wants what, counted per SID and told to the server in batches. Knows no socket and no states. */

import type { ClientMessage, Intent } from './protocol';

interface Want {
  watch: number;
  play: number;
  /** A play that the server has yet to be told of, or has been told of and has not answered. */
  ask: 'no' | 'due' | 'sent';
  subscribed: boolean;
  /** Has had its turn on this line, and made room for others. */
  parked: boolean;
}

/** Keeps a batch of SIDs (37 bytes each) well inside the server's message limit. */
const BATCH = 256;

export interface Surroundings {
  send(message: ClientMessage): boolean;
  /** Whether nothing is expected to change about it. */
  isSettled(sid: string): boolean;
  /** The server's bound on SIDs is reached, and this one finds no room. */
  noRoom(sid: string): void;
}

export class Subscriptions {
  #wants = new Map<string, Want>();
  #unanswered = new Map<number, string[]>();
  #nextId = 1;
  #room = 0;
  /** Before the first line there is no bound to run into. */
  #welcome = false;
  #scheduled = false;
  #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Wants `sid` until the returned function is called. Each `play` asks the server once, even after a failure. */
  add(sid: string, intent: Intent): () => void {
    const want = this.#wants.get(sid) ?? { watch: 0, play: 0, ask: 'no', subscribed: false, parked: false };
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

  /** Asks once more for a recording that somebody wants to play, or whose state somebody wants to know. */
  askAgain(sid: string): void {
    const want = this.#wants.get(sid);
    if (!want) return;
    if (want.play > 0) want.ask = 'due';
    else if (want.subscribed) {
      want.subscribed = false;
      this.#room += 1;
    }
    this.#schedule();
  }

  /** A new line knows nothing: everything is subscribed anew, and what is still waited for is asked for anew. */
  restart(maxSids: number): void {
    this.#unanswered.clear();
    this.#room = maxSids;
    this.#welcome = true;
    for (const [sid, want] of this.#wants) {
      want.subscribed = want.parked = false;
      if (want.play > 0 && (want.ask !== 'no' || !this.#around.isSettled(sid))) want.ask = 'due';
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
    // What has been answered may make room for what waits.
    if (this.#room <= 0) this.#schedule();
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
    const due: [string, Want][] = [];
    const unseen: [string, Want][] = [];
    for (const entry of this.#wants) {
      const [sid, want] = entry;
      if (want.watch + want.play === 0) {
        this.#wants.delete(sid);
        if (want.subscribed) leave.push(sid);
      } else if (want.ask === 'due') due.push(entry);
      else if (want.ask === 'no' && !want.subscribed && !want.parked) unseen.push(entry);
    }
    // What has said all it will say, and nobody plays, makes room for what has not been seen.
    const short = due.filter(([, want]) => !want.subscribed).length + unseen.length - leave.length - this.#room;
    if (short > 0) leave.push(...this.#park(short));
    this.#request('unsubscribe', leave);
    this.#room += leave.length;

    // Whoever wants to listen comes first; what finds no room waits for somebody to leave.
    this.#subscribe('play', due);
    this.#subscribe('watch', unseen);
    if (short < 0) this.#subscribe('watch', this.#parked());
  }

  #park(most: number): string[] {
    const parked: string[] = [];
    for (const [sid, want] of this.#wants) {
      if (parked.length >= most) break;
      if (!want.subscribed || want.play > 0 || !this.#around.isSettled(sid)) continue;
      want.subscribed = false;
      want.parked = true;
      parked.push(sid);
    }
    return parked;
  }

  #parked(): [string, Want][] {
    return [...this.#wants].filter(([, want]) => want.parked && want.ask === 'no');
  }

  #subscribe(intent: Intent, wanted: [string, Want][]): void {
    const sids: string[] = [];
    for (const [sid, want] of wanted) {
      if (!want.subscribed && this.#room <= 0) {
        if (this.#welcome && !want.parked) this.#around.noRoom(sid);
        continue;
      }
      if (!want.subscribed) this.#room -= 1;
      want.subscribed = true;
      want.parked = false;
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
      if (this.#around.send(message) && type === 'subscribe') this.#unanswered.set(id, batch);
    }
  }
}
