import { useEffect, useRef, useState } from 'react';
import { Icon, Select } from '../src/components';
import type { State } from '../src/core';
import { useLanguage } from './i18n/language';
import type { Filter } from './useCalls';

interface Props {
  filter: Filter;
  refreshing: boolean;
  onFilter: (changed: Partial<Filter>) => void;
  onRefresh: () => void;
}

const STATES: State[] = ['ready', 'downloading', 'queued', 'unknown', 'failed', 'gone'];
/** A pause this long ends a word. */
const TYPING_MS = 250;

export function Toolbar({ filter, refreshing, onFilter, onRefresh }: Props) {
  const { text } = useLanguage();
  const [typed, setTyped] = useState(filter.q);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => setTyped(filter.q), [filter.q]);

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
          type="search"
          className="input"
          dir="auto"
          value={typed}
          placeholder={text.search}
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
      <button
        type="button"
        className="icon-button boxed"
        aria-label={text.refresh}
        title={text.refresh}
        aria-busy={refreshing}
        onClick={onRefresh}
      >
        <Icon name="refresh" className={refreshing ? 'turning' : ''} />
      </button>
    </div>
  );
}
