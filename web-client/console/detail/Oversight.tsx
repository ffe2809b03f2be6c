import { useEffect, useState } from 'react';
import type { Recording } from '../../src/core';
import { erase, Problem, setHold } from '../api';
import { useLanguage } from '../i18n/language';
import { Icon } from '../Icon';
import type { Claims } from '../session';
import { EraseDialog } from './EraseDialog';
import { History } from './History';
import { useAudit } from './useAudit';

interface Props {
  recording: Recording;
  token: string | undefined;
  role: Claims['role'];
}

/** What administrators have beside the player: hold, erasure, and the history. */
export function Oversight({ recording, token, role }: Props) {
  const { text } = useLanguage();
  const { sid, state } = recording;
  const sure = role === 'admin' || role === 'service';
  const audit = useAudit(sid, token, sure);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [erasing, setErasing] = useState(false);
  const { reload, loaded } = audit;

  // Whoever erased it, the history has grown.
  useEffect(() => {
    if (state === 'gone' && loaded) reload();
  }, [state, loaded, reload]);

  if (role === 'agent') return null;
  // A session without a readable token may be anybody's: it is asked when the user asks.
  const admin = sure || audit.loaded;
  const held = audit.items.find(({ action }) => action === 'held' || action === 'released')?.action === 'held';

  const hold = async () => {
    setBusy(true);
    try {
      await setHold(sid, !held, token);
      setProblem(undefined);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(502));
    }
    setBusy(false);
    reload();
  };

  return (
    <>
      {admin && state !== 'gone' && (
        <section className="manage">
          <h3>{text.manage.title}</h3>
          <div className="manage-row">
            <p>
              {held && (
                <strong className="held">
                  <Icon name="lock" />
                  {text.manage.held}
                </strong>
              )}
              {text.manage.holdHelp}
            </p>
            <button type="button" className="button small" disabled={busy || !audit.loaded} onClick={() => void hold()}>
              {held ? text.manage.release : text.manage.hold}
            </button>
          </div>
          <div className="manage-row">
            <p>{text.manage.eraseHelp}</p>
            <button
              type="button"
              className="button small danger"
              disabled={held || !audit.loaded}
              onClick={() => setErasing(true)}
            >
              <Icon name="trash" />
              {text.manage.erase}
            </button>
          </div>
          {problem && (
            <p className="wrong" role="alert">
              {text.manage.failed}
            </p>
          )}
        </section>
      )}
      <History audit={audit} />
      {erasing && (
        <EraseDialog sid={sid} onErase={() => erase(sid, token)} onClose={() => setErasing(false)} onErased={reload} />
      )}
    </>
  );
}
