import { useCallback, useEffect, useMemo, useState } from 'react';
import { Client } from '../src/core';
import { en, he } from '../src/i18n';
import { LandfallProvider } from '../src/react';
import { listCalls, Problem, signedBy } from './api';
import { CallsPage } from './CallsPage';
import { useLanguage } from './i18n/language';
import { Logo } from './Logo';
import { close, open, takeFromAddress, type Session } from './session';
import { SignIn, type Reason } from './SignIn';

type Stage = { at: 'asking' } | { at: 'out'; reason: Reason | undefined } | { at: 'in'; session: Session };

/** Who is signed in decides what is shown. */
export function App({ initial }: { initial: Session }) {
  const [stage, setStage] = useState<Stage>(initial.token ? { at: 'in', session: initial } : { at: 'asking' });

  const signIn = useCallback((token: string) => setStage({ at: 'in', session: open(token) }), []);
  const signOut = useCallback((reason?: Reason) => {
    close();
    setStage({ at: 'out', reason });
  }, []);

  // Without a token the browser's cookie may do, and a server on the loopback may ask for nothing.
  useEffect(() => {
    if (stage.at !== 'asking') return;
    const controller = new AbortController();
    listCalls({ limit: 1 }, undefined, controller.signal).then(
      () => setStage({ at: 'in', session: {} }),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const unreachable = error instanceof Problem && error.status === 0;
        setStage({ at: 'out', reason: unreachable ? 'unreachable' : undefined });
      },
    );
    return () => controller.abort();
  }, [stage.at]);

  // A link with a token, followed in a tab that is open already, only changes the fragment.
  useEffect(() => {
    const onHash = () => {
      const token = takeFromAddress();
      if (token) signIn(token);
    };
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, [signIn]);

  switch (stage.at) {
    case 'asking':
      return (
        <div className="splash">
          <Logo />
        </div>
      );
    case 'out':
      return <SignIn reason={stage.reason} onToken={signIn} />;
    case 'in':
      return <SignedIn key={stage.session.token} session={stage.session} onSignOut={signOut} />;
  }
}

function SignedIn({ session, onSignOut }: { session: Session; onSignOut: (reason?: Reason) => void }) {
  const [expiring, setExpiring] = useState(false);
  const { code } = useLanguage();
  const client = useMemo(
    () => new Client({ token: session.token, getSource: signedBy(session.token), onExpiring: () => setExpiring(true) }),
    [session.token],
  );
  return (
    <LandfallProvider client={client} text={code === 'he' ? he : en}>
      <CallsPage token={session.token} expiring={expiring} onSignOut={onSignOut} />
    </LandfallProvider>
  );
}
