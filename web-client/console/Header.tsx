import { useLink } from '../src/react';
import { Account } from './Account';
import { useLanguage } from './i18n/language';
import { Logo } from './Logo';
import type { Claims } from './session';

export function Header({ claims, onSignOut }: { claims: Claims; onSignOut: (() => void) | undefined }) {
  const { text } = useLanguage();
  const { phase } = useLink();
  const online = phase === 'online';
  return (
    <header className="header">
      <Logo />
      <span className={`line ${online ? 'online' : ''}`}>
        <span className="line-dot" aria-hidden="true" />
        <span className="line-text">
          {online ? text.link.online : phase === 'stopped' ? text.link.off : text.link.connecting}
        </span>
      </span>
      <Account claims={claims} onSignOut={onSignOut} />
    </header>
  );
}
