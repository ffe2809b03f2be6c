/** The media keys of keyboard, headset and lock screen, for the player that was started last. */

export interface Keys {
  play(): void;
  pause(): void;
  skip(by: number): void;
  seek(to: number): void;
}

let owner: object | undefined;

const ACTIONS = ['play', 'pause', 'seekbackward', 'seekforward', 'seekto'] as const;

/** Takes the keys over. */
export function takeKeys(of: object, keys: Keys, title: string, artist: string): void {
  const session = navigator.mediaSession;
  if (!session) return;
  owner = of;
  if (typeof MediaMetadata !== 'undefined') session.metadata = new MediaMetadata({ title, artist });
  const handlers: Record<(typeof ACTIONS)[number], MediaSessionActionHandler> = {
    play: () => keys.play(),
    pause: () => keys.pause(),
    seekbackward: ({ seekOffset }) => keys.skip(-(seekOffset ?? 10)),
    seekforward: ({ seekOffset }) => keys.skip(seekOffset ?? 10),
    seekto: ({ seekTime }) => seekTime !== undefined && keys.seek(seekTime),
  };
  for (const action of ACTIONS) handle(session, action, handlers[action]);
}

/** What the lock screen shows; ignored from anyone but the owner. */
export function showPosition(of: object, playing: boolean, time: number, duration: number | undefined, rate: number) {
  const session = navigator.mediaSession;
  if (owner !== of || !session) return;
  session.playbackState = playing ? 'playing' : 'paused';
  if (duration) session.setPositionState?.({ duration, position: Math.min(time, duration), playbackRate: rate });
}

export function dropKeys(of: object): void {
  const session = navigator.mediaSession;
  if (owner !== of || !session) return;
  owner = undefined;
  session.metadata = null;
  session.playbackState = 'none';
  for (const action of ACTIONS) handle(session, action, null);
}

function handle(session: MediaSession, action: MediaSessionAction, handler: MediaSessionActionHandler | null): void {
  try {
    session.setActionHandler(action, handler);
  } catch {
    // This browser does not know the key.
  }
}
