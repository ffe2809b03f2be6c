import { useCallback, useRef, useState } from 'react';
import type { Recording } from '../src/core';
import { useClient } from '../src/react';
import { Blank } from './Blank';
import { CallList, Skeleton } from './CallList';
import type { Playing } from './CallRow';
import { Header } from './Header';
import { useLanguage } from './i18n/language';
import { Nothing } from './Nothing';
import { Notice } from './Notice';
import { PlayerBar } from './PlayerBar';
import type { Reason } from './SignIn';
import { Toolbar } from './Toolbar';
import { useCalls, type Filter } from './useCalls';

interface Props {
  token: string | undefined;
  expiring: boolean;
  onSignOut: (reason?: Reason) => void;
}

const EVERYTHING: Filter = { q: '', state: '' };

export function CallsPage({ token, expiring, onSignOut }: Props) {
  const { code, text } = useLanguage();
  const client = useClient();
  const audio = useRef<HTMLAudioElement>(null);
  const [filter, setFilter] = useState(EVERYTHING);
  const onFilter = useCallback((changed: Partial<Filter>) => setFilter((filter) => ({ ...filter, ...changed })), []);
  const [current, setCurrent] = useState<Recording>();
  const [playing, setPlaying] = useState<Playing>('waiting');
  const wasIn = useRef(false);

  const onUnauthorized = useCallback(() => onSignOut(wasIn.current ? 'ended' : 'refused'), [onSignOut]);
  const calls = useCalls(filter, token, onUnauthorized);
  const { items, problem } = calls;
  if (!calls.loading && !problem) wasIn.current = true;
  const why =
    problem &&
    ((code === 'he' ? problem.messages.he : problem.messages.en) ?? (problem.status ? text.unexpected : text.network));

  const onPlay = useCallback(
    (recording: Recording) => {
      const element = audio.current;
      if (!element) return;
      if (recording.sid === current?.sid) {
        if (playing === 'playing') element.pause();
        else if (playing === 'paused') void element.play().catch(() => {});
        else client.retry(recording.sid);
        return;
      }
      // Ends what is heard. Loading within the click also lets the element make sound later, when the recording lands.
      element.removeAttribute('src');
      element.load();
      setPlaying('waiting');
      setCurrent(recording);
    },
    [client, current, playing],
  );

  return (
    <>
      <Header onSignOut={token ? () => onSignOut() : undefined} />
      <main className="page">
        <h1 className="spoken">{text.calls}</h1>
        <Toolbar filter={filter} refreshing={calls.refreshing} onFilter={onFilter} onRefresh={calls.refresh} />
        <p className="spoken" role="status">
          {calls.arrived > 0 && text.newCalls(calls.arrived)}
        </p>
        {items.length > 0 && (
          <CallList items={items} stale={calls.loading} current={current?.sid} playing={playing} onPlay={onPlay} />
        )}
        {items.length === 0 && calls.loading && <Skeleton />}
        {items.length === 0 && !calls.loading && problem && (
          <Blank icon="offline" title={text.error.title} text={why} alert>
            <button type="button" className="button" onClick={calls.reload}>
              {text.error.retry}
            </button>
          </Blank>
        )}
        {items.length === 0 && !calls.loading && !problem && (
          <Nothing
            calls={calls}
            filtered={filter.q !== '' || filter.state !== ''}
            onClear={() => setFilter(EVERYTHING)}
          />
        )}
        {items.length > 0 && (calls.hasMore || problem) && (
          <div className="more">
            {problem && <p role="alert">{why}</p>}
            <button
              type="button"
              className="button"
              disabled={calls.loadingMore}
              onClick={problem && !calls.hasMore ? calls.refresh : calls.loadMore}
            >
              {calls.loadingMore ? text.loadingMore : problem ? text.error.retry : text.more}
            </button>
          </div>
        )}
      </main>
      <div className="dock">
        <Notice expiring={expiring} onSignIn={() => onSignOut('ended')} />
        {current && (
          <PlayerBar
            key={current.sid}
            listed={current}
            audio={audio}
            onPlaying={setPlaying}
            onClose={() => setCurrent(undefined)}
          />
        )}
      </div>
      <audio ref={audio} preload="auto" />
    </>
  );
}
