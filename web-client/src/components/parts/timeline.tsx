/** Where in the recording one is: the slider with its waveform, and the clock. */

import { useEffect, useRef, useState, type ComponentPropsWithoutRef } from 'react';
import { clock, spoken } from '../../i18n';
import { scrub, Wave, type Hover } from '../../playback';
import { useText } from '../../react';
import { usePart, usePartOf } from './context';

/**
 * A slider over the whole recording; click and drag seek, drag with Shift selects a part. What is inside, such as a
 * `Waveform`, is its picture. Time runs from left to right in every language.
 */
export function Timeline({ children, ...rest }: ComponentPropsWithoutRef<'div'>) {
  const player = usePartOf();
  const text = useText();
  const timeline = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<Hover>();
  const time = usePart((state) => Math.floor(state.time));
  const duration = usePart((state) => state.duration);
  useEffect(() => scrub(timeline.current!, player, setHover), [player]);
  return (
    <div
      ref={timeline}
      role="slider"
      tabIndex={0}
      dir="ltr"
      aria-label={text.position}
      aria-disabled={duration === undefined || undefined}
      aria-valuemin={0}
      aria-valuemax={Math.round(duration ?? 0)}
      aria-valuenow={time}
      aria-valuetext={text.positionOf(spoken(time, text), spoken(Math.round(duration ?? 0), text))}
      {...rest}
    >
      {children}
      {hover && (
        <span data-hover="" aria-hidden="true" style={{ left: hover.x }}>
          <bdi>{clock(hover.time)}</bdi>
        </span>
      )}
    </div>
  );
}

/** The waveform, as large as its CSS makes it; a line until there is one. Colours: `fill`, `stroke`, `color`, `flood-color`. */
export function Waveform(props: ComponentPropsWithoutRef<'canvas'>) {
  const player = usePartOf();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => new Wave(canvas.current!, player).start(), [player]);
  return <canvas ref={canvas} aria-hidden="true" {...props} />;
}

/** The clock: how far, how long, or how much is left. */
export function Time({ of = 'current', ...rest }: ComponentPropsWithoutRef<'bdi'> & { of?: 'current' | 'duration' | 'remaining' }) {
  const shown = usePart(({ time, duration }) => {
    if (of === 'current') return clock(time);
    if (duration === undefined) return '–:––';
    return of === 'duration' ? clock(Math.round(duration)) : `-${clock(Math.round(duration) - Math.floor(time))}`;
  });
  return (
    <bdi dir="ltr" {...rest}>
      {shown}
    </bdi>
  );
}
