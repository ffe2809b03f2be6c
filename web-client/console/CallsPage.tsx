import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Blank } from './Blank';
import { CallPlayer, type Open } from './detail/CallPlayer';
import { Detail } from './detail/Detail';
import { Header } from './Header';
import { useLanguage } from './i18n/language';
import { CallList } from './list/CallList';
import { Nothing } from './list/Nothing';
import { Skeleton } from './list/Skeleton';
import { Toolbar } from './list/Toolbar';
import { useCalls, type Filter } from './list/useCalls';
import { Notice } from './Notice';
import { go, goToList, useRoute } from './route';
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
  const { sid, at, q, state } = useRoute();
  const claims = useMemo(() => claimsOf(token), [token]);
  const [open, setOpen] = useState<Open>();
  const [wanted, setWanted] = useState<string>();
  const wasIn = useRef(false);

  const filter = useMemo<Filter>(() => ({ q, state }), [q, state]);
  const onFilter = useCallback((changed: Partial<Filter>) => go(changed, { replace: true }), []);
  const onUnauthorized = useCallback(() => onSignOut(wasIn.current ? 'ended' : 'refused'), [onSignOut]);
  const calls = useCalls(filter, token, onUnauthorized);
  if (!calls.loading && !calls.problem) wasIn.current = true;

  // A call opened from the list is left by the way back; one after another is a single step.
  const onOpen = useCallback((next: string) => go({ sid: next }, { replace: sid !== undefined }), [sid]);
  const onPlay = useCallback(
    (next: string) => {
      if (open?.player.sid === next) return open.player.toggle();
      setWanted(next);
      onOpen(next);
    },
    [onOpen, open],
  );
  // Played from the list: as soon as its page has a player.
  useEffect(() => {
    if (wanted === undefined || open?.player.sid !== wanted) return;
    setWanted(undefined);
    open.player.play();
  }, [open, wanted]);

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
              playing={open?.playing ? open.player.sid : undefined}
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
            <Detail sid={sid} token={token} role={claims.role} onBack={goToList}>
              <CallPlayer key={sid} sid={sid} at={at} onPlayer={setOpen} />
            </Detail>
          )}
        </section>
      </main>
      <div className="dock">
        <Notice expiring={expiring} onSignIn={() => onSignOut('ended')} />
      </div>
    </div>
  );
}
