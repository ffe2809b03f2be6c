import { useEffect } from 'react';
import { PlayerView } from '../../src/components';
import type { Player } from '../../src/playback';
import { usePlayer, usePlayerState } from '../../src/react';
import { addressOf } from '../route';

/** The player of the call that is open, and whether it sounds. */
export interface Open {
  player: Player;
  playing: boolean;
}

interface Props {
  sid: string;
  /** Seconds that the address names. */
  at: number | undefined;
  onPlayer: (open: Open | undefined) => void;
}

/** The player of a call's page: the list operates it as well. */
export function CallPlayer({ sid, at, onPlayer }: Props) {
  const player = usePlayer(sid, { startAt: at, addressAt: addressOf });
  const playing = usePlayerState(player, (state) => state.playing);
  useEffect(() => onPlayer({ player, playing }), [onPlayer, player, playing]);
  useEffect(() => () => onPlayer(undefined), [onPlayer, player]);
  return <PlayerView player={player} />;
}
