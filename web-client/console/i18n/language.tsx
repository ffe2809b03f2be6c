import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { en, type Text } from './en';
import { he } from './he';

type Code = 'en' | 'he';

interface Language {
  code: Code;
  text: Text;
  choose: (code: Code) => void;
  toggle: () => void;
}

const STORED = 'landfall_language';
const Context = createContext<Language>({ code: 'en', text: en, choose: () => {}, toggle: () => {} });

function preferred(): Code {
  const chosen = localStorage.getItem(STORED) ?? navigator.language;
  return /^(he|iw)\b/.test(chosen) ? 'he' : 'en';
}

/** Language and direction of the page: what was chosen last, else what the browser prefers. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [code, setCode] = useState(preferred);
  const language = useMemo<Language>(() => {
    const choose = (next: Code) => {
      localStorage.setItem(STORED, next);
      setCode(next);
    };
    return { code, text: code === 'he' ? he : en, choose, toggle: () => choose(code === 'en' ? 'he' : 'en') };
  }, [code]);
  useEffect(() => {
    document.documentElement.lang = code;
    document.documentElement.dir = code === 'he' ? 'rtl' : 'ltr';
  }, [code]);
  return <Context value={language}>{children}</Context>;
}

/** One language for what is below, whatever the page speaks. */
export function FixedLanguage({ code, children }: { code: Code; children: ReactNode }) {
  const language = useMemo<Language>(
    () => ({ code, text: code === 'he' ? he : en, choose: () => {}, toggle: () => {} }),
    [code],
  );
  return <Context value={language}>{children}</Context>;
}

export function useLanguage(): Language {
  return useContext(Context);
}
