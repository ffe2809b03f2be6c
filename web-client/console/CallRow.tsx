import { memo, useRef } from 'react';
import { clock, Icon } from '../src/components';
import type { Recording } from '../src/core';
import { useRecording } from '../src/react';
import { downloadUrl } from './api';
import { fraction, nameOf, timeOfDay } from './format';
import { useLanguage } from './i18n/language';
import { Parties } from './Parties';
import { StateBadge } from './StateBadge';
import { useVisible } from './useVisible';

/** How a row relates to the player. */
export type Playing = 'no' | 'waiting' | 'paused' | 'playing';

interface Props {
  listed: Recording;
  playing: Playing;
  onPlay: (recording: Recording) => void;
}

export const CallRow = memo(function CallRow({ listed, playing, onPlay }: Props) {
  const { code, text } = useLanguage();
  const row = useRef<HTMLLIElement>(null);
  const visible = useVisible(row);
  const { recording = listed, error } = useRecording(listed.sid, { intent: visible ? 'watch' : undefined });
  const { sid, state, started_at, title, direction, duration_ms } = recording;
  const name = nameOf(recording, text);
  const gone = state === 'gone';
  const label = playing === 'playing' ? text.pauseOf(name) : text.playOf(name);

  return (
    <li ref={row} className={`row ${playing === 'no' ? '' : 'current'}`} data-sid={sid} data-state={state}>
      <button
        type="button"
        className="play-button"
        disabled={gone}
        aria-label={label}
        onClick={() => onPlay(recording)}
      >
        {playing === 'waiting' && state !== 'failed' && !gone && <Ring part={fraction(recording)} />}
        <Icon name={playing === 'playing' ? 'pause' : state === 'failed' ? 'retry' : 'play'} />
      </button>
      <div className="who">
        {title ? <bdi className="who-main">{title}</bdi> : <Parties className="who-main" recording={recording} />}
        {title ? (
          <Parties className="who-more" recording={recording} />
        ) : (
          <span className="who-more">{(direction && text.directions[direction]) ?? text.call}</span>
        )}
      </div>
      <span className="times">
        <time dateTime={started_at}>{started_at && timeOfDay(started_at, code)}</time>
        <span>{duration_ms !== undefined && clock(Math.round(duration_ms / 1000))}</span>
      </span>
      <StateBadge recording={recording} error={error} />
      {gone ? (
        <span className="icon-button" aria-hidden="true" />
      ) : (
        <a
          className="icon-button download"
          href={downloadUrl(sid)}
          download
          aria-label={text.downloadOf(name)}
          title={text.download}
          onClick={(event) => event.stopPropagation()}
        >
          <Icon name="download" />
        </a>
      )}
    </li>
  );
});

/** How far the recording is on its way; turns while nobody knows. */
function Ring({ part }: { part: number | undefined }) {
  return (
    <svg className={`ring ${part === undefined ? 'turning' : ''}`} viewBox="0 0 40 40" aria-hidden="true">
      <circle className="ring-track" cx="20" cy="20" r="18.5" pathLength="1" />
      <circle className="ring-part" cx="20" cy="20" r="18.5" pathLength="1" strokeDasharray={`${part ?? 0.25} 1`} />
    </svg>
  );
}
