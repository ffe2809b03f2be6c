/** Where playing does not simply go on: the end of a selection, the beginning of a silence. Pure. */

import type { Span } from './sound';

/** A silence is left by a jump only when that saves so much, in seconds. */
const WORTH_S = 0.3;

/** The next place, in seconds, from where to jump, and where to. A place that is past is to be left at once. */
export function nextEdge(time: number, selection: Span | undefined, silences: readonly Span[]): { at: number; to: number } | undefined {
  if (selection) {
    const [from, to] = selection;
    return { at: time < from - WORTH_S ? time : to, to: from };
  }
  const silence = silences.find(([, to]) => to - time > WORTH_S);
  return silence && { at: silence[0], to: silence[1] };
}
