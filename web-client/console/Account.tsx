import { useEffect, useRef } from 'react';
import { timeOfDay } from './format';
import { useLanguage } from './i18n/language';
import { Icon, type IconName } from './Icon';
import type { Claims } from './session';
import { THEMES, useTheme, type Theme } from './theme';

const ICONS: Record<Theme, IconName> = { system: 'screen', light: 'sun', dark: 'moon' };

/** Who is signed in and how the page looks to them, behind their initial. */
export function Account({ claims, onSignOut }: { claims: Claims; onSignOut: (() => void) | undefined }) {
  const { code, text, choose } = useLanguage();
  const [theme, setTheme] = useTheme();
  const menu = useRef<HTMLDivElement>(null);
  const { user, role, expiresAt } = claims;

  // A menu that loses the focus has done its work.
  useEffect(() => {
    const element = menu.current;
    const onLeave = ({ relatedTarget }: FocusEvent) => {
      if (relatedTarget && !element?.contains(relatedTarget as Node)) element?.hidePopover();
    };
    element?.addEventListener('focusout', onLeave);
    return () => element?.removeEventListener('focusout', onLeave);
  }, []);

  return (
    <>
      <button type="button" className="avatar" popoverTarget="account" aria-label={text.account.menu} title={text.account.menu}>
        {user ? <bdi>{[...user][0]!.toUpperCase()}</bdi> : <Icon name="screen" />}
      </button>
      <div ref={menu} id="account" popover="auto" className="menu" role="dialog" aria-label={text.account.menu}>
        <div className="menu-who">
          <strong>
            <bdi>{user ?? text.account.anonymous}</bdi>
          </strong>
          {role && <span>{text.account.roles[role]}</span>}
          {expiresAt !== undefined && (
            <span>{text.account.until(timeOfDay(new Date(expiresAt).toISOString(), code))}</span>
          )}
        </div>
        <fieldset>
          <legend>{text.account.theme}</legend>
          <div className="segments">
            {THEMES.map((each) => (
              <label key={each}>
                <input type="radio" name="theme" checked={theme === each} onChange={() => setTheme(each)} />
                <Icon name={ICONS[each]} />
                {text.account.themes[each]}
              </label>
            ))}
          </div>
        </fieldset>
        <fieldset>
          <legend>{text.account.language}</legend>
          <div className="segments">
            {(['en', 'he'] as const).map((each) => (
              <label key={each} lang={each}>
                <input type="radio" name="language" checked={code === each} onChange={() => choose(each)} />
                {each === 'en' ? 'English' : 'עברית'}
              </label>
            ))}
          </div>
        </fieldset>
        {onSignOut && (
          <button type="button" className="button" onClick={onSignOut}>
            <Icon name="signOut" className="mirrored" />
            {text.signOut}
          </button>
        )}
      </div>
    </>
  );
}
