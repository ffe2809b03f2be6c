import { memo, type FocusEventHandler } from 'react';
import type { Recording } from '../../src/core';
import { useRecording } from '../../src/react';
import { clock, fraction, nameOf, percent, timeOfDay } from '../format';
import { useLanguage } from '../i18n/language';
import { Icon } from '../Icon';
import { Parties } from '../Parties';
import { formatRoute } from '../route';

interface Props {
  listed: Recording;
  /** Whether its state is followed: it is in sight, and nobody is scrolling past. */
  watched: boolean;
  open: boolean;
  playing: boolean;
  /** The one row that the tab key reaches. */
  reachable: boolean;
  top: number;
  position: number;
  onOpen: (sid: string) => void;
  onPlay: (sid: string) => void;
  onFocus: FocusEventHandler;
}

/** A call on the list. The whole row opens it; its button also plays it. */
export const CallRow = memo(function CallRow(props: Props) {
  const { listed, watched, open, playing, reachable, top, position, onOpen, onPlay, onFocus } = props;
  const { code, text } = useLanguage();
  const { recording = listed } = useRecording(listed.sid, { intent: watched ? 'watch' : undefined });
  const { sid, state, started_at, title, duration_ms } = recording;
  const name = nameOf(recording, text);

  return (
    <li
      className={`row ${open ? 'open' : ''}`}
      data-sid={sid}
      data-state={state}
      aria-setsize={-1}
      aria-posinset={position}
      style={{ transform: `translateY(${top}px)` }}
      onFocus={onFocus}
    >
      <button
        type="button"
        className="play-button"
        tabIndex={reachable ? 0 : -1}
        disabled={state === 'gone'}
        aria-label={playing ? text.pauseOf(name) : text.playOf(name)}
        onClick={() => onPlay(sid)}
      >
        {(state === 'downloading' || (open && state === 'queued')) && <Ring part={fraction(recording)} />}
        <Icon name={playing ? 'pause' : state === 'failed' ? 'retry' : 'play'} />
      </button>
      <a
        className="row-link"
        href={formatRoute({ sid, at: undefined, q: '', state: '' })}
        tabIndex={reachable ? 0 : -1}
        aria-current={open ? 'true' : undefined}
        draggable={false}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          onOpen(sid);
        }}
      >
        <span className="row-line">
          {title ? <bdi className="row-name">{title}</bdi> : <Parties className="row-name" recording={recording} />}
          <time dateTime={started_at}>{started_at && timeOfDay(started_at, code)}</time>
        </span>
        <span className="row-line">
          {title ? (
            <Parties className="row-more" recording={recording} />
          ) : (
            <span className="row-more">{(recording.direction && text.directions[recording.direction]) ?? text.call}</span>
          )}
          <RowState recording={recording} duration={duration_ms} />
        </span>
      </a>
    </li>
  );
});

/** Short enough for the end of a line; why and how much is told where the call is open. */
function RowState({ recording, duration }: { recording: Recording; duration: number | undefined }) {
  const { code, text } = useLanguage();
  const { state } = recording;
  const part = state === 'downloading' ? fraction(recording) : undefined;
  return (
    <span className={`row-state ${state}`}>
      {state === 'ready' ? (
        <>
          <span className="spoken">{text.states.ready}</span>
          {duration !== undefined && <span>{clock(duration)}</span>}
        </>
      ) : (
        <span>{part === undefined ? text.states[state] : percent(part, code)}</span>
      )}
      <span className="state-dot" aria-hidden="true" />
    </span>
  );
}

/** How far the recording is on its way; turns while nobody knows. */
function Ring({ part }: { part: number | undefined }) {
  return (
    <svg className={`ring ${part === undefined ? 'turning' : ''}`} viewBox="0 0 40 40" aria-hidden="true">
      <circle className="ring-track" cx="20" cy="20" r="18.5" pathLength="1" />
      <circle className="ring-part" cx="20" cy="20" r="18.5" pathLength="1" strokeDasharray={`${part ?? 0.25} 1`} />
    </svg>
  );
}
