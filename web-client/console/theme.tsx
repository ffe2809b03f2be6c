/** Light, dark, or as the system has it: an attribute of the page, remembered by this browser. */

import { useCallback, useState } from 'react';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const STORED = 'landfall_theme';

function stored(): Theme {
  const theme = localStorage.getItem(STORED);
  return THEMES.find((known) => known === theme) ?? 'system';
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Before anything is drawn. */
export function restoreTheme(): void {
  apply(stored());
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(stored);
  const choose = useCallback((next: Theme) => {
    localStorage.setItem(STORED, next);
    apply(next);
    setTheme(next);
  }, []);
  return [theme, choose];
}
