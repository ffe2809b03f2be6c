/** Line icons on a grid of 24, in the colour of the text around them. */

const PATHS = {
  chevron: 'm7 10 5 5 5-5',
  back: 'm14.5 6-6 6 6 6',
  download: 'M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 19.5h14',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm4.8-1.7L20 20',
  close: 'm6.5 6.5 11 11M17.5 6.5l-11 11',
  arrow: 'M5 12h14m0 0-4.5-4.5M19 12l-4.5 4.5',
  up: 'M12 19V5m0 0-5 5m5-5 5 5',
  warning: 'M12 4.5 3.2 19.5h17.6L12 4.5Zm0 5.5v4.5m0 2.4v.1',
  retry: 'M19.5 12a7.5 7.5 0 1 1-2.4-5.5M19.5 3.5v4h-4',
  signOut: 'M14 4.5H6.5v15H14M10.5 12H20m0 0-3.5-3.5M20 12l-3.5 3.5',
  offline:
    'M3.5 3.5l17 17M8.5 8.6A13 13 0 0 0 3 11.5M12 7.5c3.4 0 6.6 1.4 9 4M6.5 15a8 8 0 0 1 4-2.3m4 1A8 8 0 0 1 17.5 15M12 19v.1',
  empty: 'M4 13v-2m4 5V8m4 10.5v-13M16 16V8m4 5v-2',
  incoming: 'M18 6 7 17m0 0h8m-8 0V9',
  outgoing: 'M6 18 17 7m0 0H9m8 0v8',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1',
  copy: 'M9 9h10v11H9zM15 9V4.5H5V15.5h4',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  trash: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5m4-5v5',
  lock: 'M6.5 11h11v8.5h-11zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  history: 'M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4.5 3.5v4h4M12 8v4.5l3 1.8',
  sun: 'M12 15.8a3.8 3.8 0 1 0 0-7.6 3.8 3.8 0 0 0 0 7.6ZM12 3v1.8m0 14.4V21M3 12h1.8m14.4 0H21M5.6 5.6l1.3 1.3m10.2 10.2 1.3 1.3M5.6 18.4l1.3-1.3M17.1 6.9l1.3-1.3',
  moon: 'M20 14.5A8.2 8.2 0 0 1 9.5 4a8.2 8.2 0 1 0 10.5 10.5Z',
  screen: 'M4 5.5h16v10.5H4zM9 19.5h6M12 16v3.5',
} as const;

const SOLID = {
  play: 'M8 5.2v13.6a.8.8 0 0 0 1.2.7l10.9-6.8a.8.8 0 0 0 0-1.4L9.2 4.5a.8.8 0 0 0-1.2.7Z',
  pause: 'M7 5h3.5v14H7zM13.5 5H17v14h-3.5z',
} as const;

export type IconName = keyof typeof PATHS | keyof typeof SOLID;

export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  if (name === 'play' || name === 'pause') {
    return (
      <svg className={`icon ${className}`} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
        <path d={SOLID[name]} />
      </svg>
    );
  }
  return (
    <svg
      className={`icon ${className}`}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
