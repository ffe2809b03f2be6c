/** What is known of recordings and of the line, as it changes. */

import { useCallback, useSyncExternalStore } from 'react';
import type { Intent, Link, Snapshot } from '../core';
import { useClient } from './context';
import { useSelected } from './useSelected';

const whole = (snapshot: Snapshot) => snapshot;

export interface RecordingOptions {
  /** `watch` hears of changes and starts nothing, `play` also starts the download. Without one, what is known is shown. */
  intent?: Intent | undefined;
}

export interface SelectingOptions<T> extends RecordingOptions {
  /** The part to render for. */
  selector: (snapshot: Snapshot) => T;
}

/** What is known of a recording, or the part of it that `selector` picks. */
export function useRecording<T>(sid: string, options: SelectingOptions<T>): T;
export function useRecording(sid: string, options?: RecordingOptions): Snapshot;
export function useRecording<T>(sid: string, { intent, selector }: Partial<SelectingOptions<T>> = {}): Snapshot | T {
  const client = useClient();
  const subscribe = useCallback(
    (listener: () => void) => client.subscribe(sid, intent, listener),
    [client, sid, intent],
  );
  const get = useCallback(() => client.snapshot(sid), [client, sid]);
  return useSelected<Snapshot, Snapshot | T>(subscribe, get, selector ?? whole);
}

/** How the line to the server stands. */
export function useLink(): Link {
  const client = useClient();
  const subscribe = useCallback((listener: () => void) => client.onLink(listener), [client]);
  const get = () => client.link;
  return useSyncExternalStore(subscribe, get, get);
}
