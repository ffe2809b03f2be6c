/** What the machine and the browser tell of network and attention. Nothing, where there is no window. */

/** `online` and `visible`: an old line may be dead, a pause need not be sat out. `offline`: the line may be dead. */
export type Wake = 'online' | 'offline' | 'visible';

export function onWake(listener: (why: Wake) => void): () => void {
  if (typeof window === 'undefined') return () => {};
  const online = () => listener('online');
  const offline = () => listener('offline');
  const visible = () => {
    if (document.visibilityState === 'visible') listener('visible');
  };
  // A page that comes out of the back/forward cache has lost its socket without being told.
  const shown = (event: PageTransitionEvent) => {
    if (event.persisted) listener('visible');
  };
  window.addEventListener('online', online);
  window.addEventListener('offline', offline);
  window.addEventListener('pageshow', shown);
  document.addEventListener('visibilitychange', visible);
  return () => {
    window.removeEventListener('online', online);
    window.removeEventListener('offline', offline);
    window.removeEventListener('pageshow', shown);
    document.removeEventListener('visibilitychange', visible);
  };
}

/** Whether the browser is sure that there is no network; the other answer means nothing. */
export function isOffline(): boolean {
  return typeof navigator !== 'undefined' && navigator.onLine === false;
}
