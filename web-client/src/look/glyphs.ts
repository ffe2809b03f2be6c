/** The player's icons as paths on a grid of 24, for React and for plain DOM. */

/** Drawn as lines, in the colour of the text around them. */
export const LINES = {
  back: 'M12 5.5a7 7 0 1 1-6.6 4.7M15 2.5l-3 3 3 3',
  forward: 'M12 5.5a7 7 0 1 0 6.6 4.7M9 2.5l3 3-3 3',
  download: 'M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 19.5h14',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  done: 'm5 12.5 4.5 4.5L19 7.5',
  volume: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  muted: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM16 9.5l5 5m0-5-5 5',
  silence: 'M3 12h2m14 0h2M8 8v8m8-8v8m-5.5-4h3m-1.5-2 2 2-2 2',
  close: 'm7 7 10 10M17 7 7 17',
} as const;

/** Drawn as surfaces. */
export const SHAPES = {
  play: 'M8 5.2v13.6a.8.8 0 0 0 1.2.7l10.9-6.8a.8.8 0 0 0 0-1.4L9.2 4.5a.8.8 0 0 0-1.2.7Z',
  pause: 'M7 5h3.5v14H7zM13.5 5H17v14h-3.5z',
} as const;

export type Glyph = keyof typeof LINES | keyof typeof SHAPES;

export const pathOf = (glyph: Glyph): string => ({ ...LINES, ...SHAPES })[glyph];

export const isShape = (glyph: Glyph): boolean => glyph in SHAPES;
