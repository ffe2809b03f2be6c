import { useEffect, useState } from 'react';
import { Icon } from './Icon';
import { useLink } from '../src/react';
import { useLanguage } from './i18n/language';

/** A line that is back sooner is not worth a word. */
const PATIENCE_MS = 2000;

/** What is wrong with the line, over the list's end and beside the flow, so that nothing jumps. */
export function Notice({ expiring, onSignIn }: { expiring: boolean; onSignIn: () => void }) {
  const { text } = useLanguage();
  const link = useLink();
  const [patient, setPatient] = useState(true);
  useEffect(() => {
    setPatient(true);
    if (link.phase !== 'connecting') return;
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [link.phase]);

  const stopped = link.phase === 'stopped';
  const says = stopped ? text.link.stopped[link.mend] : expiring ? text.expiring : patient ? '' : text.link.lost;
  const needsToken = expiring || (stopped && link.mend === 'token');
  return (
    <div role="status">
      {says && (
        <div className="notice">
          <Icon name={stopped || expiring ? 'warning' : 'offline'} />
          <p>{says}</p>
          {needsToken ? (
            <button type="button" className="button small" onClick={onSignIn}>
              {text.signInAgain}
            </button>
          ) : (
            stopped && (
              <button type="button" className="button small" onClick={() => location.reload()}>
                {text.link.reload}
              </button>
            )
          )}
        </div>
      )}
    </div>
  );
}
