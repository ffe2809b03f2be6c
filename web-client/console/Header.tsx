import { Icon } from '../src/components';
import { useLink } from '../src/react';
import { useLanguage } from './i18n/language';
import { LanguageSwitch } from './LanguageSwitch';
import { Logo } from './Logo';

export function Header({ onSignOut }: { onSignOut: (() => void) | undefined }) {
  const { text } = useLanguage();
  const { phase } = useLink();
  const online = phase === 'online';
  return (
    <header className="header">
      <div className="header-inner">
        <Logo />
        <span className={`line ${online ? 'online' : ''}`}>
          <span className="line-dot" aria-hidden="true" />
          <span className="line-text">
            {online ? text.link.online : phase === 'stopped' ? text.link.off : text.link.connecting}
          </span>
        </span>
        <LanguageSwitch />
        {onSignOut && (
          <button
            type="button"
            className="icon-button"
            aria-label={text.signOut}
            title={text.signOut}
            onClick={onSignOut}
          >
            <Icon name="signOut" className="mirrored" />
          </button>
        )}
      </div>
    </header>
  );
}
