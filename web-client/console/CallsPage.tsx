import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useClient } from '../src/react';
import { Blank } from './Blank';
import { CallPlayer } from './detail/CallPlayer';
import { Detail } from './detail/Detail';
import { Header } from './Header';
import { useLanguage } from './i18n/language';
import { CallList } from './list/CallList';
import { Nothing } from './list/Nothing';
import { Skeleton } from './list/Skeleton';
import { Toolbar } from './list/Toolbar';
import { useCalls, type Filter } from './list/useCalls';
import { Notice } from './Notice';
import { go, useRoute } from './route';
import { claimsOf } from './session';
import type { Reason } from './SignIn';

interface Props {
  token: string | undefined;
  expiring: boolean;
  onSignOut: (reason?: Reason) => void;
}

/** The calls, and beside them the one that is open; on a phone the one over the other. */
export function CallsPage({ token, expiring, onSignOut }: Props) {
  const { text } = useLanguage();
  const client = useClient();
  const { sid, at, q, state } = useRoute();
  const claims = useMemo(() => claimsOf(token), [token]);
  const audio = useRef<HTMLAudioElement>(null);
  const [wanted, setWanted] = useState<{ sid: string; times: number }>();
  const [playing, setPlaying] = useState(false);
  const wasIn = useRef(false);

  const filter = useMemo<Filter>(() => ({ q, state }), [q, state]);
  const onFilter = useCallback((changed: Partial<Filter>) => go(changed, { replace: true }), []);
  const onUnauthorized = useCallback(() => onSignOut(wasIn.current ? 'ended' : 'refused'), [onSignOut]);
  const calls = useCalls(filter, token, onUnauthorized);
  if (!calls.loading && !calls.problem) wasIn.current = true;

  // A call opened from the list is left by the way back; one after another is a single step.
  const onOpen = useCallback((next: string) => go({ sid: next }, { replace: sid !== undefined }), [sid]);
  const onBack = useCallback(() => go({ sid: undefined }), []);
  const onPlay = useCallback(
    (next: string) => {
      const element = audio.current;
      if (next === sid && element?.src) {
        if (element.paused) void element.play().catch(() => {});
        else element.pause();
        return;
      }
      if (next === wanted?.sid) client.retry(next);
      // Loading within the click lets the element make sound later, when the recording lands.
      element?.load();
      setWanted((old) => ({ sid: next, times: (old?.times ?? 0) + 1 }));
      onOpen(next);
    },
    [client, onOpen, sid, wanted],
  );
  useEffect(() => setPlaying(false), [sid]);

  return (
    <div className="shell" data-open={sid !== undefined}>
      <Header claims={claims} onSignOut={token ? () => onSignOut() : undefined} />
      <main className="panes">
        <section className="pane calls" aria-labelledby="calls-title">
          <h1 id="calls-title" className="spoken">
            {text.calls}
          </h1>
          <Toolbar filter={filter} onFilter={onFilter} />
          {calls.items.length > 0 ? (
            <CallList
              key={calls.generation}
              calls={calls}
              filtered={q !== ''}
              open={sid}
              playing={playing ? sid : undefined}
              onOpen={onOpen}
              onPlay={onPlay}
            />
          ) : calls.loading ? (
            <Skeleton />
          ) : (
            <Nothing
              calls={calls}
              filtered={q !== '' || state !== ''}
              onClear={() => onFilter({ q: '', state: '' })}
            />
          )}
        </section>
        <section className="pane open-call" aria-label={text.detail.region}>
          {sid === undefined ? (
            <Blank icon="empty" title={text.detail.pick.title} text={text.detail.pick.text} />
          ) : (
            <Detail sid={sid} token={token} role={claims.role} onBack={onBack}>
              {(recording) => (
                <CallPlayer
                  key={sid}
                  listed={recording}
                  audio={audio}
                  wanted={wanted?.sid === sid ? wanted.times : 0}
                  at={at}
                  onPlaying={setPlaying}
                />
              )}
            </Detail>
          )}
        </section>
      </main>
      <div className="dock">
        <Notice expiring={expiring} onSignIn={() => onSignOut('ended')} />
      </div>
      <audio ref={audio} preload="auto" />
    </div>
  );
}
