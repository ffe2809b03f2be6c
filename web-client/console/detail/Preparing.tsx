import { Icon } from '../Icon';
import type { Recording, SidError } from '../../src/core';
import { detail, fraction, percent, reason } from '../format';
import { useLanguage } from '../i18n/language';

interface Props {
  recording: Recording;
  error: SidError | undefined;
  /** It was playing, and the browser lost it. */
  interrupted: boolean;
  online: boolean;
  onRetry: () => void;
}

/** In the timeline's place while there is nothing to play: how far it is, or why it is not coming. */
export function Preparing({ recording, error, interrupted, online, onRetry }: Props) {
  const { code: language, text } = useLanguage();
  const { state, code, temporary } = recording;

  if (interrupted || error || state === 'failed' || state === 'gone') {
    const hopeless = !interrupted && (error ? !error.temporary : state === 'gone' || temporary === false);
    return (
      <div className="preparing">
        <p className="preparing-wrong" role="alert">
          <Icon name="warning" />
          {interrupted ? text.interrupted : reason(error?.code ?? code, text)}
        </p>
        {!hopeless && (
          <button type="button" className="button small" onClick={onRetry}>
            {text.tryAgain}
          </button>
        )}
      </div>
    );
  }

  const part = state === 'downloading' ? fraction(recording) : undefined;
  const doing =
    !online && state !== 'ready' ? text.preparing.line : text.preparing[state === 'ready' ? 'unknown' : state];
  return (
    <div className="preparing">
      <div className="preparing-line">
        <span>{doing}</span>
        <span className="preparing-much">{detail(recording, undefined, language, text)}</span>
      </div>
      <div
        className={`bar ${part === undefined ? 'turning' : ''}`}
        role="progressbar"
        aria-label={doing}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={part === undefined ? undefined : Math.floor(part * 100)}
        aria-valuetext={part === undefined ? undefined : percent(part, language)}
        style={{ '--filled': part ?? 0 }}
      />
    </div>
  );
}
