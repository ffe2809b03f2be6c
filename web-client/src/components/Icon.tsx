/** Line icons on a grid of 24, in the colour of the text around them. */
const PATHS = {
  back: 'M12 5.5a7 7 0 1 1-6.6 4.7M15 2.5l-3 3 3 3',
  forward: 'M12 5.5a7 7 0 1 0 6.6 4.7M9 2.5l3 3-3 3',
  chevron: 'm7 10 5 5 5-5',
  download: 'M12 4v11m0 0 4.5-4.500M12 15l-4.5-4.500M5 19.500h14',
  refresh: 'M19.5 12a7.5 7.5 0 1 1-2.4-5.500M19.5 3.500v4h-4',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm4.8-1.700L20 20',
  close: 'm6 6 12 12M18 6 6 18',
  arrow: 'M5 12h14m0 0-5-5m5 5-5 5',
  warning: 'M12 4 2.8 19.500h18.400L12 4Zm0 6v4.500m0 2.500v.1',
  retry: 'M4.5 12a7.5 7.5 0 1 0 2.4-5.500M4.5 3.500v4h4',
  signOut: 'M14 4H6v16h8M10 12h10m0 0-3.5-3.500M20 12l-3.5 3.5',
  offline:
    'M3 3l18 18M8.5 8.600A13 13 0 0 0 3 11.500M12 7.500c3.4 0 6.6 1.4 9 4M6.5 15a8 8 0 0 1 4-2.300m4 1A8 8 0 0 1 17.5 15M12 19v.1',
  empty: 'M4 13v-2m4 5V8m4 10.500v-13M16 16V8m4 5v-2',
} as const;

export type IconName = keyof typeof PATHS | 'play' | 'pause';

export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  if (name === 'play' || name === 'pause') {
    return (
      <svg className={`icon ${className}`} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
        <path
          d={
            name === 'play'
              ? 'M8 5.200v13.600a.8.8 0 0 0 1.2.7l10.9-6.800a.8.8 0 0 0 0-1.400L9.2 4.500a.8.8 0 0 0-1.2.7Z'
              : 'M7 5h3.500v14H7zM13.5 5H17v14h-3.500z'
          }
        />
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
