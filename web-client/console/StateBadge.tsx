import type { Recording, SidError } from '../src/core';
import { detail, fraction, percent } from './format';
import { useLanguage } from './i18n/language';

/** What has become of a recording: a pill, and beside it why or how much. Its height never changes. */
export function StateBadge({ recording, error }: { recording: Recording; error: SidError | undefined }) {
  const { code, text } = useLanguage();
  const { state } = recording;
  const part = state === 'downloading' ? fraction(recording) : undefined;
  const more = detail(recording, error, code, text);
  return (
    <div className="state">
      <span className={`pill ${state}`}>
        <span className="state-dot" aria-hidden="true" />
        {text.states[state]}
        {part !== undefined && <span className="pill-percent">{percent(part, code)}</span>}
      </span>
      <span className="state-detail" title={more}>
        {more}
      </span>
    </div>
  );
}
