/** Which player the parts below are parts of. */

import { createContext, useContext } from 'react';
import type { Player, PlayerState } from '../../playback';
import { usePlayerState } from '../../react';

export const PlayerContext = createContext<Player | undefined>(undefined);

export function usePartOf(): Player {
  const player = useContext(PlayerContext);
  if (!player) throw new Error('The parts of a player need a <Root> above them');
  return player;
}

/** A part of the state of the player above. */
export function usePart<T>(selector: (state: PlayerState) => T): T {
  return usePlayerState(usePartOf(), selector);
}
