import { useState, type FormEvent } from 'react';
import { Icon } from './Icon';
import { useLanguage } from './i18n/language';
import { LanguageSwitch } from './LanguageSwitch';
import { Logo } from './Logo';
import { isToken } from './session';

/** Why somebody is here who was inside, or wanted to be. */
export type Reason = 'ended' | 'refused' | 'unreachable';

export function SignIn({ reason, onToken }: { reason: Reason | undefined; onToken: (token: string) => void }) {
  const { text } = useLanguage();
  const [wrong, setWrong] = useState<'empty' | 'malformed'>();
  const why = reason === 'unreachable' ? text.network : reason && text.signIn[reason];

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const typed = new FormData(event.currentTarget).get('token');
    const token = String(typed)
      .trim()
      .replace(/^Bearer\s+/i, '');
    if (isToken(token)) onToken(token);
    else setWrong(token === '' ? 'empty' : 'malformed');
  };

  return (
    <div className="sign-in">
      <header>
        <Logo />
        <LanguageSwitch />
      </header>
      <main>
        <form className="card" onSubmit={submit} noValidate>
          <h1>{text.signIn.title}</h1>
          {why && (
            <p className="note" role="alert">
              <Icon name="warning" />
              {why}
            </p>
          )}
          <label htmlFor="token">{text.signIn.token}</label>
          <textarea
            id="token"
            name="token"
            className="input token"
            dir="ltr"
            rows={5}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            autoFocus
            placeholder="eyJhbGciOi…"
            aria-invalid={wrong !== undefined}
            aria-describedby="token-help"
            onChange={() => setWrong(undefined)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter') return;
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }}
          />
          <p id="token-help" className={wrong ? 'hint wrong' : 'hint'} aria-live="polite">
            {wrong ? text.signIn[wrong] : text.signIn.hint}
          </p>
          <button type="submit" className="button primary">
            {text.signIn.submit}
          </button>
        </form>
      </main>
    </div>
  );
}
