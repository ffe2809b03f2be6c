/** What every part stands in: the player, its sound, its keyboard. */

import { useEffect, useRef, type ComponentPropsWithoutRef, type SyntheticEvent } from 'react';
import { press, type Player, type PlayerOptions, type Server } from '../../playback';
import { usePlayer, useText } from '../../react';
import { PlayerContext } from './context';
import { nameOf } from '../../i18n';
import { usePart } from './context';

type DivProps = Omit<ComponentPropsWithoutRef<'div'>, 'dir' | 'lang'>;

export interface RootProps extends PlayerOptions, DivProps {
  sid: string;
  /** In place of the provider's client: any server that can say where a recording is. */
  server?: Server | undefined;
}

/** Makes a player for `sid` and is the room of its parts. */
export function Root({ sid, server, preload, startAt, resume, exclusive, addressAt, ...room }: RootProps) {
  const player = usePlayer(sid, { preload, startAt, resume, exclusive, addressAt }, server);
  return <Room player={player} {...room} />;
}

/** What a press or a key does in a player is the player's: a row that holds it must not open or close. */
const stop = (event: SyntheticEvent) => event.stopPropagation();

/** The same for a player that exists, as `useRecordingPlayer` makes it. */
export function Room({ player, children, ...rest }: DivProps & { player: Player }) {
  return (
    <PlayerContext.Provider value={player}>
      <Frame player={player} {...rest}>
        {children}
      </Frame>
    </PlayerContext.Provider>
  );
}

function Frame({ player, children, onKeyDown, onClick, ...rest }: DivProps & { player: Player }) {
  const text = useText();
  const room = useRef<HTMLDivElement>(null);
  const recording = usePart(({ recording }) => recording);
  const status = usePart(({ status }) => status);
  // The element is the player's and outlives renderings; in the page, tools and tests find it.
  useEffect(() => {
    const { element } = player;
    element.hidden = true;
    room.current?.append(element);
    return () => element.remove();
  }, [player]);
  return (
    <div
      ref={room}
      role="group"
      aria-label={`${text.player}: ${nameOf(recording, text)}`}
      data-status={status}
      {...rest}
      lang={text.language}
      dir={text.dir}
      onClick={(event) => {
        onClick?.(event);
        stop(event);
      }}
      onKeyDown={(event) => {
        onKeyDown?.(event);
        if (press(event.nativeEvent, player)) event.preventDefault();
        stop(event);
      }}
    >
      {children}
    </div>
  );
}
