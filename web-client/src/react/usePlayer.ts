/** Players as hooks: one that is made here, and what it shows. */

import { useCallback, useEffect, useMemo } from 'react';
import { Player, type PlayerOptions, type PlayerState, type Server } from '../playback';
import { useClient } from './context';
import { useSelected } from './useSelected';

/** A player for `sid` that takes part for as long as the component is mounted. It renders nothing by itself. */
export function usePlayer(sid: string, options: PlayerOptions = {}, server?: Server): Player {
  const of = useServer(server);
  const player = useMemo(() => new Player(of, sid, options), [of, sid]);
  useEffect(() => {
    player.options = options;
  });
  useEffect(() => player.connect(), [player]);
  return player;
}

function useServer(server: Server | undefined): Server {
  // Which of the two a component has does not change while it is mounted.
  return server ?? useClient();
}

/** The part of a player's state that `selector` picks. */
export function usePlayerState<T>(player: Player, selector: (state: PlayerState) => T): T {
  const get = useCallback(() => player.state, [player]);
  return useSelected(player.subscribe, get, selector);
}

const ACTIONS = [
  'play',
  'pause',
  'toggle',
  'seek',
  'skip',
  'setRate',
  'setVolume',
  'toggleMuted',
  'select',
  'setSkipsSilence',
  'setBalance',
  'retry',
  'download',
  'copyLink',
] as const;

export type PlayerActions = Pick<Player, (typeof ACTIONS)[number]>;

const whole = (state: PlayerState) => state;

/** All that a player shows and does, for a player of one's own making. `player` is what the parts take. */
export function useRecordingPlayer(sid: string, options?: PlayerOptions): PlayerState & PlayerActions & { player: Player } {
  const player = usePlayer(sid, options);
  const state = usePlayerState(player, whole);
  return useMemo(() => {
    const actions = Object.fromEntries(ACTIONS.map((name) => [name, player[name]])) as unknown as PlayerActions;
    return { ...state, ...actions, player };
  }, [player, state]);
}
