/**
 * In place of the old `AudioPlayer`: `<AudioPlayer src="/api/recordings/file/CA…" />`. An app changes one import and no more:
 * no provider is needed, and one line to the server is shared by all that the page shows.
 *
 * It asks nothing when it is rendered but the recording's state; the first click fetches and plays.
 */

import { useEffect, useMemo, useRef, type ComponentPropsWithoutRef } from 'react';
import { PlayerView } from '../components';
import { createClient } from '../core';
import { en, he, type Text } from '../i18n';
import type { Server } from '../playback';
import { TextProvider, usePlayer } from '../react';

export interface AudioPlayerProps extends Omit<ComponentPropsWithoutRef<'div'>, 'onPlay' | 'onPause' | 'onEnded' | 'onError' | 'dir' | 'lang' | 'children'> {
  /** `/api/recordings/file/CA…`, with or without origin and query; any other address is played as it is. */
  src: string;
  /** Begins by itself, as far as the browser allows. */
  autoPlay?: boolean | undefined;
  /** `metadata` and `auto` read the length of what is there already; nothing is ever fetched from the provider by that. */
  preload?: 'none' | 'metadata' | 'auto' | '' | undefined;
  /** Hebrew in a Hebrew page, else English, unless given. */
  text?: Text | undefined;
  layout?: 'full' | 'compact' | undefined;
  theme?: 'auto' | 'light' | 'dark' | undefined;
  onPlay?: (() => void) | undefined;
  onPause?: (() => void) | undefined;
  onEnded?: (() => void) | undefined;
  /** It cannot be played; `Error.message` is the server's code. */
  onError?: ((error: Error) => void) | undefined;
}

const FAILED = /^(failed|gone|not_found|forbidden|signed_out)$/;
/** An address of the file or of its download, and the server's before it. */
const FILE = /^(.*?)\/api\/(?:recordings\/file|calls(?:\/download)?)\/((?:CA|RE)[0-9a-fA-F]{32})\b/;

export function AudioPlayer({
  src,
  preload,
  autoPlay = false,
  text,
  layout = 'compact',
  onPlay,
  onPause,
  onEnded,
  onError,
  ...rest
}: AudioPlayerProps) {
  const [, base, sid] = FILE.exec(src) ?? [];
  const client = useMemo(() => (sid ? createClient({ server: base || undefined }) : undefined), [base, sid]);
  const server = useMemo(() => client ?? plainServer(src), [client, src]);
  useEffect(() => {
    client?.start();
    return () => client?.stop();
  }, [client]);

  const reads = preload === 'metadata' || preload === 'auto';
  const player = usePlayer(sid ?? src, { preload: reads ? 'metadata' : 'none' }, server);
  useEffect(() => {
    if (autoPlay) player.play();
  }, [player, autoPlay]);

  const listeners = useRef<Pick<AudioPlayerProps, 'onPlay' | 'onPause' | 'onEnded' | 'onError'>>({});
  useEffect(() => {
    listeners.current = { onPlay, onPause, onEnded, onError };
  });
  useEffect(() => {
    let before = player.state;
    const ended = () => listeners.current.onEnded?.();
    const { element } = player;
    element.addEventListener('ended', ended);
    const unsubscribe = player.subscribe(() => {
      const { playing, status, code } = player.state;
      const was = before;
      before = player.state;
      if (playing !== was.playing) listeners.current[playing ? 'onPlay' : 'onPause']?.();
      if (status !== was.status && FAILED.test(status)) listeners.current.onError?.(new Error(code ?? status));
    });
    return () => {
      unsubscribe();
      element.removeEventListener('ended', ended);
    };
  }, [player]);

  const hebrew = typeof document !== 'undefined' && document.documentElement.lang.startsWith('he');
  return (
    <TextProvider text={text ?? (hebrew ? he : en)}>
      <PlayerView player={player} layout={layout} {...rest} />
    </TextProvider>
  );
}

/** For what is no recording of ours: nobody tells of it, and its address is its link. */
function plainServer(url: string): Server {
  const view = { phase: 'ready', temporary: false } as const;
  return { view: () => view, subscribe: () => () => {}, retry: () => {}, getSource: () => Promise.resolve({ url, expiresAt: Infinity }) };
}
