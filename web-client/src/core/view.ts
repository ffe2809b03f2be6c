/** What a user is shown of a recording: its state, the line's and the errors as one word. Pure. */

import type { Link } from './connection';
import type { Recording } from './protocol';
import type { Download } from './progress';
import type { Snapshot } from './store';

/**
 * - `watching`: known or about to be, and nobody has asked for it.
 * - `offline`: what it was before it could change has been lost sight of; settled ones stay what they are.
 * - `signed_out`, `forbidden`: somebody has to sign in, or has no right to it.
 */
export type Phase =
  | 'watching'
  | 'queued'
  | 'downloading'
  | 'ready'
  | 'failed'
  | 'gone'
  | 'offline'
  | 'signed_out'
  | 'forbidden'
  | 'not_found';

/** Replaced, never changed: compare by identity. */
export interface View {
  readonly phase: Phase;
  readonly recording?: Recording | undefined;
  /** While `downloading`, and of a download that was lost sight of. */
  readonly download?: Download | undefined;
  /** Why it failed, is gone, waits for its next try, or why the line is down for good. */
  readonly code?: string | undefined;
  /** Whether trying again may help. */
  readonly temporary: boolean;
  /** When the next try begins, milliseconds since 1970. */
  readonly retryAt?: number | undefined;
}

export function view({ recording, error, download }: Snapshot, link: Link): View {
  if (error?.code === 'not_found') return { phase: 'not_found', code: error.code, temporary: false };
  const state = recording?.state;
  const code = recording?.code;
  const about = { recording, code, temporary: recording?.temporary ?? false };
  if (state === 'ready' || state === 'gone' || state === 'failed') return { ...about, phase: state };
  if (link.phase === 'stopped') {
    const phase = link.mend === 'token' ? 'signed_out' : link.mend === 'forbidden' ? 'forbidden' : 'offline';
    return { recording, phase, code: link.mend, temporary: link.mend === 'limits' };
  }
  if (error) return { recording, phase: 'failed', ...error };
  if (link.phase === 'connecting' && link.offline) return { ...about, phase: 'offline', download };
  if (state === 'downloading') return { ...about, phase: state, download };
  const retryAt = recording?.retry_at === undefined ? undefined : Date.parse(recording.retry_at);
  return { ...about, phase: state === 'queued' ? state : 'watching', retryAt };
}
