import { useCallback, useSyncExternalStore } from 'react';
import type { Intent, Link, Snapshot } from '../core';
import { useClient } from './context';

/** What is known of a recording, as it changes. Without an intent nothing is subscribed: what is known is shown. */
export function useRecording(sid: string, { intent }: { intent?: Intent | undefined } = {}): Snapshot {
  const client = useClient();
  const subscribe = useCallback(
    (listener: () => void) => client.subscribe(sid, intent, listener),
    [client, sid, intent],
  );
  return useSyncExternalStore(subscribe, () => client.snapshot(sid));
}

/** How the line to the server stands. */
export function useLink(): Link {
  const client = useClient();
  const subscribe = useCallback((listener: () => void) => client.onLink(listener), [client]);
  return useSyncExternalStore(subscribe, () => client.link);
}
