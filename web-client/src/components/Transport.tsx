import { Icon } from './Icon';

interface Props {
  playing: boolean;
  disabled: boolean;
  labels: { play: string; pause: string; back: string; forward: string };
  onToggle: () => void;
  /** Seconds from here; negative is back. */
  onSkip: (by: number) => void;
}

const SKIP_S = 10;

/** Back, play or pause, forward: as on every machine, in every language in this order. */
export function Transport({ playing, disabled, labels, onToggle, onSkip }: Props) {
  return (
    <div className="transport" dir="ltr">
      <button
        type="button"
        className="icon-button skip"
        disabled={disabled}
        aria-label={labels.back}
        title={labels.back}
        onClick={() => onSkip(-SKIP_S)}
      >
        <Icon name="back" />
        <span aria-hidden="true">{SKIP_S}</span>
      </button>
      <button
        type="button"
        className="play-button large"
        disabled={disabled}
        aria-label={playing ? labels.pause : labels.play}
        onClick={onToggle}
      >
        <Icon name={playing ? 'pause' : 'play'} />
      </button>
      <button
        type="button"
        className="icon-button skip"
        disabled={disabled}
        aria-label={labels.forward}
        title={labels.forward}
        onClick={() => onSkip(SKIP_S)}
      >
        <Icon name="forward" />
        <span aria-hidden="true">{SKIP_S}</span>
      </button>
    </div>
  );
}
