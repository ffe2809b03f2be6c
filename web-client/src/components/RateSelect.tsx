import { Select } from './Select';

const RATES = [1, 1.25, 1.5, 2];

/** Playback speed. */
export function RateSelect({ rate, label, onRate }: { rate: number; label: string; onRate: (rate: number) => void }) {
  const rates = RATES.includes(rate) ? RATES : [...RATES, rate].sort((a, b) => a - b);
  return (
    <Select
      className="rate"
      dir="ltr"
      value={rate}
      aria-label={label}
      title={label}
      onChange={(event) => onRate(Number(event.target.value))}
    >
      {rates.map((value) => (
        <option key={value} value={value}>
          {value}×
        </option>
      ))}
    </Select>
  );
}
