import { useEffect, useRef, useState } from 'react';
import { Problem } from '../api';
import { useLanguage } from '../i18n/language';
import { Icon } from '../Icon';

interface Props {
  sid: string;
  onErase: () => Promise<void>;
  onErased: () => void;
  onClose: () => void;
}

/** What cannot be undone takes more than a click: the end of the SID, typed by hand. */
export function EraseDialog({ sid, onErase, onErased, onClose }: Props) {
  const { code, text } = useLanguage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const tail = sid.slice(-4);
  const right = typed.trim().toLowerCase() === tail.toLowerCase();

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  const confirm = async () => {
    if (!right || busy) return;
    setBusy(true);
    try {
      await onErase();
      onErased();
      onClose();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(502));
      setBusy(false);
    }
  };

  const said = problem && (code === 'he' ? problem.messages.he : problem.messages.en);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="erase-title" aria-describedby="erase-text" onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        <span className="dialog-icon">
          <Icon name="trash" />
        </span>
        <h2 id="erase-title">{text.erase.title}</h2>
        <p id="erase-text">{text.erase.text}</p>
        <label htmlFor="erase-tail">
          {text.erase.prompt} <bdi className="sid">{tail}</bdi>
        </label>
        <input
          id="erase-tail"
          className="input sid"
          dir="ltr"
          autoFocus
          autoComplete="off"
          spellCheck={false}
          maxLength={8}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <p className="wrong" role="alert">
          {problem && (problem.code === 'on_hold' ? text.erase.onHold : (said ?? text.network))}
        </p>
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            {text.erase.cancel}
          </button>
          <button type="submit" className="button danger solid" disabled={!right || busy}>
            {busy ? text.erase.busy : text.erase.confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}
