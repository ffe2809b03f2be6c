import { useEffect, useRef, useState } from 'react';
import type { State } from '../../src/core';
import { useLanguage } from '../i18n/language';
import { Icon } from '../Icon';
import { Select } from '../Select';
import type { Filter } from './useCalls';

interface Props {
  filter: Filter;
  onFilter: (changed: Partial<Filter>) => void;
}

const STATES: State[] = ['ready', 'downloading', 'queued', 'unknown', 'failed', 'gone'];
/** A pause this long ends a word. */
const TYPING_MS = 250;

export function Toolbar({ filter, onFilter }: Props) {
  const { text } = useLanguage();
  const [typed, setTyped] = useState(filter.q);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => setTyped(filter.q), [filter.q]);

  // A slash searches, as in many lists, unless somebody is writing.
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== '/' || event.ctrlKey || event.metaKey || target.closest('input, textarea, select, dialog')) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  const search = (q: string, pause: number) => {
    setTyped(q);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onFilter({ q: q.trim() }), pause);
  };

  return (
    <div className="toolbar" role="search">
      <div className="search">
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          className="input"
          dir="auto"
          value={typed}
          placeholder={text.searchShort}
          title={text.search}
          aria-label={text.search}
          maxLength={100}
          onChange={(event) => search(event.target.value, TYPING_MS)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') search(typed, 0);
            if (event.key === 'Escape') search('', 0);
          }}
        />
        {typed && (
          <button
            type="button"
            className="icon-button clear"
            aria-label={text.clearSearch}
            title={text.clearSearch}
            onClick={() => search('', 0)}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
      <Select
        value={filter.state}
        aria-label={text.filter}
        onChange={(event) => onFilter({ state: event.target.value as Filter['state'] })}
      >
        <option value="">{text.everyState}</option>
        {STATES.map((state) => (
          <option key={state} value={state}>
            {text.states[state]}
          </option>
        ))}
      </Select>
    </div>
  );
}
