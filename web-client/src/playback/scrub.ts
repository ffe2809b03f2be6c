/** The pointer on a timeline: click and drag seek, drag with Shift selects, hovering tells the time. No framework. */

import type { Player } from './player';

/** `x` is in CSS pixels from the left of the timeline; `undefined` when the pointer has left. */
export type Hover = { x: number; time: number } | undefined;

/** Attaches to `timeline`, whose width is the duration, from left to right; ends with the returned function. */
export function scrub(timeline: HTMLElement, player: Player, onHover: (hover: Hover) => void): () => void {
  let drag: { from: number; selects: boolean } | undefined;

  const at = (event: PointerEvent) => {
    const { left, width } = timeline.getBoundingClientRect();
    const x = Math.min(width, Math.max(0, event.clientX - left));
    return { x, time: width ? (x / width) * (player.duration ?? 0) : 0 };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || !player.duration) return;
    timeline.setPointerCapture?.(event.pointerId);
    const { time } = at(event);
    drag = { from: time, selects: event.shiftKey };
    if (!drag.selects) player.preview(time);
  };
  const move = (event: PointerEvent) => {
    if (!player.duration) return;
    const here = at(event);
    onHover(here);
    if (!drag) return;
    // A drag that passes a hundred places is one seek, and one request, at its end.
    if (drag.selects) player.select(drag.from < here.time ? [drag.from, here.time] : [here.time, drag.from]);
    else player.preview(here.time);
  };
  const up = (event: PointerEvent) => {
    if (!drag) return;
    if (!drag.selects) player.seek(at(event).time);
    drag = undefined;
    player.preview(undefined);
  };
  const cancel = () => {
    drag = undefined;
    player.preview(undefined);
    onHover(undefined);
  };
  const leave = () => onHover(undefined);

  const events = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel, pointerleave: leave };
  for (const [name, listener] of Object.entries(events)) timeline.addEventListener(name, listener as EventListener);
  return () => {
    for (const [name, listener] of Object.entries(events)) timeline.removeEventListener(name, listener as EventListener);
  };
}
