/** Speed, volume and balance: native controls, as at home on a phone as under a keyboard. */

import type { ComponentPropsWithoutRef } from 'react';
import { useText } from '../../react';
import { usePart, usePartOf } from './context';

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** Playback speed. */
export function RateSelect({ rates = RATES, ...rest }: ComponentPropsWithoutRef<'select'> & { rates?: readonly number[] }) {
  const player = usePartOf();
  const text = useText();
  const rate = usePart((state) => state.rate);
  const offered = rates.includes(rate) ? rates : [...rates, rate].sort((a, b) => a - b);
  return (
    <select
      dir="ltr"
      aria-label={text.rate}
      title={text.rate}
      value={rate}
      onChange={(event) => player.setRate(Number(event.target.value))}
      {...rest}
    >
      {offered.map((each) => (
        <option key={each} value={each}>{`${each}×`}</option>
      ))}
    </select>
  );
}

type RangeProps = ComponentPropsWithoutRef<'input'>;

export function VolumeRange(props: RangeProps) {
  const player = usePartOf();
  const text = useText();
  const volume = usePart((state) => (state.muted ? 0 : state.volume));
  return (
    <input
      type="range"
      dir="ltr"
      min={0}
      max={1}
      step={0.05}
      value={volume}
      aria-label={text.volume}
      aria-valuetext={`${Math.round(volume * 100)}%`}
      title={text.volume}
      style={{ '--filled': volume }}
      onChange={(event) => player.setVolume(event.target.valueAsNumber)}
      {...props}
    />
  );
}

/** From the first side alone to the second alone. Nothing for a recording with one side. */
export function BalanceRange({ sides, ...rest }: RangeProps & { sides: readonly [string, string] }) {
  const player = usePartOf();
  const text = useText();
  const balance = usePart((state) => state.balance);
  const stereo = usePart((state) => state.stereo);
  if (!stereo) return null;
  const percent = Math.round(50 + Math.abs(balance) * 50);
  const spoken = balance === 0 ? text.bothSides : `${sides[balance < 0 ? 0 : 1]} ${percent}%`;
  return (
    <input
      type="range"
      dir="ltr"
      min={-1}
      max={1}
      step={0.1}
      value={balance}
      aria-label={text.balance}
      aria-valuetext={spoken}
      title={`${text.balance}: ${spoken}`}
      onChange={(event) => player.setBalance(event.target.valueAsNumber)}
      {...rest}
    />
  );
}
