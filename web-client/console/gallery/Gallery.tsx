import { useState } from 'react';
import { Logo } from '../Logo';
import { CASES } from './cases';
import { Cell } from './Cell';

const LANGUAGES = ['en', 'he'] as const;
const THEMES = ['light', 'dark'] as const;

/** Every state in every language and theme, or those that the address asks for: `?state=ready&lang=he&theme=dark`. */
export function Gallery() {
  const [mounting, setMounting] = useState(0);
  const asked = new URLSearchParams(location.search);
  const chosen = <T extends string>(name: string, all: readonly T[]) => all.filter((one) => (asked.get(name) ?? one) === one);
  const cases = CASES.filter(({ name }) => (asked.get('state') ?? name) === name);
  return (
    <div className="gallery">
      <header>
        <Logo />
        <h1>Every state of player and row</h1>
        <button type="button" className="button small" onClick={() => setMounting((n) => n + 1)}>
          Mount anew
        </button>
      </header>
      <main key={mounting}>
        {cases.map((each) => (
          <section key={each.name} aria-label={each.name}>
            <h2>
              <a href={`?state=${encodeURIComponent(each.name)}`}>{each.name}</a>
            </h2>
            <div className="cells">
              {chosen('lang', LANGUAGES).flatMap((language) =>
                chosen('theme', THEMES).map((theme) => (
                  <Cell key={`${language} ${theme}`} of={each} language={language} theme={theme} />
                )),
              )}
            </div>
          </section>
        ))}
      </main>
    </div>
  );
}
