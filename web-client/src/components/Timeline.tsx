import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { clock } from './clock';

interface Props {
  /** Seconds; no duration, no timeline yet. */
  time: number;
  duration: number | undefined;
  label: string;
  /** What a screen reader says for a position, e.g. "1:05 of 4:00". */
  describe: (time: string, duration: string) => string;
  onSeek: (time: number) => void;
}

const ARROW_S = 5;
const PAGE_S = 30;

const ignore = () => {};

/** Position, slider, length. Time runs from left to right in every language. */
export function Timeline({ time, duration, label, describe, onSeek }: Props) {
  const slider = useRef<HTMLInputElement>(null);
  const dragging = useRef(false);
  const [dragged, setDragged] = useState<number>();
  const shown = dragged ?? time;
  const end = duration ?? 0;
  const length = clock(Math.round(end));

  // The DOM's own events: React's onChange is `input` and `change` in one, but a drag that passes a hundred positions
  // is one seek, and one request, at its end.
  useEffect(() => {
    const input = slider.current;
    if (!input) return;
    const drag = () => {
      dragging.current = true;
      setDragged(input.valueAsNumber);
    };
    const drop = () => {
      if (dragging.current) onSeek(input.valueAsNumber);
      dragging.current = false;
    };
    input.addEventListener('input', drag);
    input.addEventListener('change', drop);
    input.addEventListener('pointerup', drop);
    return () => {
      input.removeEventListener('input', drag);
      input.removeEventListener('change', drop);
      input.removeEventListener('pointerup', drop);
    };
  }, [onSeek]);

  // The slider stays where it was dropped until the sound has followed.
  useEffect(() => {
    if (!dragging.current) setDragged(undefined);
  }, [time]);

  // A native slider moves by its step, a fraction of a second here, and backwards under RTL in some browsers.
  const onKeyDown = (event: KeyboardEvent) => {
    const by = {
      ArrowRight: ARROW_S,
      ArrowUp: ARROW_S,
      ArrowLeft: -ARROW_S,
      ArrowDown: -ARROW_S,
      PageUp: PAGE_S,
      PageDown: -PAGE_S,
    }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    onSeek(Math.min(end, Math.max(0, time + by)));
  };

  return (
    <div className="timeline" dir="ltr">
      <span className="timeline-time">{clock(shown)}</span>
      <input
        ref={slider}
        className="slider"
        type="range"
        dir="ltr"
        min={0}
        max={end || 1}
        step={0.01}
        value={Math.min(shown, end || 1)}
        disabled={!duration}
        aria-label={label}
        aria-valuetext={describe(clock(shown), length)}
        style={{ '--filled': end ? shown / end : 0 }}
        onChange={ignore}
        onKeyDown={onKeyDown}
      />
      <span className="timeline-time">{duration ? length : '–:––'}</span>
    </div>
  );
}
