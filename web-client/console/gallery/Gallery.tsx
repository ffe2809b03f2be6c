import { useEffect, useRef, useState } from 'react';
import { Logo } from '../Logo';
import { CASES, type Case } from './cases';
import { Cell } from './Cell';

const LANGUAGES = ['en', 'he'] as const;
const THEMES = ['light', 'dark'] as const;

/** Every state in every language and theme, or those that the address asks for: `?state=ready&lang=he&theme=dark`. */
export function Gallery() {
  const [mounting, setMounting] = useState(0);
  const state = new URLSearchParams(location.search).get('state');
  return (
    <div className="gallery">
      <header>
        <Logo />
        <h1>Every state of player and row</h1>
        <button type="button" className="button small" onClick={() => setMounting((n) => n + 1)}>
          Mount anew
        </button>
      </header>
      <nav aria-label="States">
        <a href="?" aria-current={state === null ? 'page' : undefined}>
          all
        </a>
        {CASES.map(({ name }) => (
          <a key={name} href={`?state=${encodeURIComponent(name)}`} aria-current={state === name ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <main key={mounting}>
        {CASES.filter(({ name }) => (state ?? name) === name).map((each) => (
          <State key={each.name} of={each} />
        ))}
      </main>
    </div>
  );
}

/** Its players are made when they come near the screen: there are more than a hundred in all. */
function State({ of }: { of: Case }) {
  const section = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), { rootMargin: '300px' });
    observer.observe(section.current!);
    return () => observer.disconnect();
  }, []);
  const asked = new URLSearchParams(location.search);
  const chosen = <T extends string>(name: string, all: readonly T[]) =>
    all.filter((one) => (asked.get(name) ?? one) === one);
  return (
    <section ref={section} aria-label={of.name}>
      <h2>{of.name}</h2>
      <div className="cells">
        {near &&
          chosen('lang', LANGUAGES).flatMap((language) =>
            chosen('theme', THEMES).map((theme) => (
              <Cell key={`${language} ${theme}`} of={of} language={language} theme={theme} />
            )),
          )}
      </div>
    </section>
  );
}
