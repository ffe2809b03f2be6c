import { useEffect, useRef, useState } from 'react';
import { useLanguage } from '../i18n/language';
import { Icon, type IconName } from '../Icon';

/** How long the tick is shown. */
const SHOWN_MS = 1600;

/** Puts something into the clipboard, and says so. */
export function Copy({ value, icon = 'copy', label }: { value: () => string; icon?: IconName; label: string }) {
  const { text } = useLanguage();
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    // Without https there is no clipboard: then there is nothing to announce either.
    await navigator.clipboard.writeText(value());
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), SHOWN_MS);
  };
  return (
    <button
      type="button"
      className={`icon-button ${done ? 'done' : ''}`}
      aria-label={label}
      title={done ? text.detail.copied : label}
      onClick={() => void copy().catch(() => {})}
    >
      <Icon name={done ? 'check' : icon} />
      <span className="spoken" role="status">
        {done && text.detail.copied}
      </span>
    </button>
  );
}
