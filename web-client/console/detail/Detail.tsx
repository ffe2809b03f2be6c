import { useEffect, useRef, type ReactNode } from 'react';
import { useLink, useRecording } from '../../src/react';
import { Blank } from '../Blank';
import { useLanguage } from '../i18n/language';
import { Icon } from '../Icon';
import { Parties } from '../Parties';
import { addressOf } from '../route';
import type { Claims } from '../session';
import { StateBadge } from '../StateBadge';
import { Copy } from './Copy';
import { Facts } from './Facts';
import { Oversight } from './Oversight';

interface Props {
  sid: string;
  token: string | undefined;
  role: Claims['role'];
  onBack: () => void;
  /** The player, once it is known that there is such a call. */
  children: ReactNode;
}

/** A call that is open: its player, what is known of it, and for administrators who heard it and how to end it. */
export function Detail({ sid, token, role, onBack, children }: Props) {
  const { text } = useLanguage();
  const { phase } = useLink();
  const { recording, error } = useRecording(sid, { intent: 'watch' });
  const heading = useRef<HTMLHeadingElement>(null);
  const pane = useRef<HTMLDivElement>(null);
  const known = recording !== undefined;

  // On a phone the list has given way to this page: whoever listens to the page begins here.
  useEffect(() => {
    pane.current?.scrollTo({ top: 0 });
    if (known && matchMedia('(max-width: 959px)').matches) heading.current?.focus({ preventScroll: true });
  }, [sid, known]);

  return (
    <div ref={pane} className="detail" tabIndex={-1}>
      <button type="button" className="button quiet back" onClick={onBack}>
        <Icon name="back" className="mirrored" />
        {text.calls}
      </button>
      {error && !recording ? (
        <Blank
          icon={error.code === 'forbidden' ? 'lock' : 'search'}
          title={error.code === 'forbidden' ? text.forbidden.title : text.detail.missing.title}
          text={error.code === 'forbidden' ? text.forbidden.text : text.detail.missing.text}
          alert
        />
      ) : !recording ? (
        phase === 'stopped' ? (
          <Blank icon="offline" title={text.error.title} text={text.network} alert />
        ) : (
          <DetailSkeleton />
        )
      ) : (
        <article className="call" data-state={recording.state}>
          <header className="call-head">
            <div className="call-what">
              <h2 ref={heading} tabIndex={-1}>
                {recording.title ? <bdi>{recording.title}</bdi> : <Parties recording={recording} className="" />}
              </h2>
              <p className="call-who">
                {recording.direction && (
                  <span className="direction">
                    <Icon name={recording.direction === 'outbound' ? 'outgoing' : 'incoming'} className="mirrored" />
                    {text.directions[recording.direction] ?? text.call}
                  </span>
                )}
                {recording.title && <Parties recording={recording} className="" />}
              </p>
            </div>
            <div className="call-tools">
              <Copy value={() => addressOf(sid)} icon="link" label={text.detail.copyLink} />
            </div>
            <StateBadge recording={recording} error={error} />
          </header>
          {children}
          <Facts recording={recording} />
          <Oversight key={sid} recording={recording} token={token} role={role} />
        </article>
      )}
    </div>
  );
}

function DetailSkeleton() {
  const { text } = useLanguage();
  return (
    <div className="call" role="status" aria-label={text.loading}>
      <div className="call-head">
        <div className="call-what">
          <span className="bone title" />
          <span className="bone" />
        </div>
      </div>
      <span className="bone block" />
      <span className="bone" />
      <span className="bone wide" />
      <span className="bone" />
    </div>
  );
}
