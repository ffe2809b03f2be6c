import { Fragment } from 'react';
import type { Recording } from '../src/core';
import { CallRow, type Playing } from './CallRow';
import { dayName, dayOf } from './format';
import { useLanguage } from './i18n/language';

interface Props {
  items: Recording[];
  stale: boolean;
  current: string | undefined;
  playing: Playing;
  onPlay: (recording: Recording) => void;
}

/** Calls under the days they were made on. */
export function CallList({ items, stale, current, playing, onPlay }: Props) {
  const { code, text } = useLanguage();
  let day: string | undefined;
  return (
    <ol className={`list ${stale ? 'stale' : ''}`} aria-label={text.calls} aria-busy={stale}>
      {items.map((recording) => {
        const { sid, started_at } = recording;
        const begins = started_at !== undefined && dayOf(started_at) !== day;
        if (begins) day = dayOf(started_at);
        return (
          <Fragment key={sid}>
            {begins && (
              <li className="day">
                <h2>{dayName(started_at, code, text)}</h2>
              </li>
            )}
            <CallRow listed={recording} playing={sid === current ? playing : 'no'} onPlay={onPlay} />
          </Fragment>
        );
      })}
    </ol>
  );
}

const SKELETONS = Array.from({ length: 8 }, (_, n) => n);

/** The list's shape before there is a list. */
export function Skeleton() {
  const { text } = useLanguage();
  return (
    <div className="list skeleton" role="status" aria-label={text.loading}>
      <div className="day">
        <span className="bone" />
      </div>
      {SKELETONS.map((n) => (
        <div key={n} className="row">
          <span className="bone round" />
          <span className="who">
            <span className="bone wide" />
            <span className="bone" />
          </span>
          <span className="times">
            <span className="bone" />
            <span className="bone" />
          </span>
          <span className="state bone" />
        </div>
      ))}
    </div>
  );
}
