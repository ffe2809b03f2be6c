/** The unstyled parts of a player: `import * as Parts from '@landfall/player/components'`. */
export {
  CopyLinkButton,
  DownloadButton,
  MuteButton,
  PlayButton,
  RetryButton,
  SelectionButton,
  SideButton,
  SkipButton,
  SkipSilenceButton,
} from './buttons';
export { BalanceRange, RATES, RateSelect, VolumeRange } from './fields';
export { Room, Root, type RootProps } from './Root';
export { Detail, Parties, Progress, Status, Title } from './status';
export { Time, Timeline, Waveform } from './timeline';
export { usePart, usePartOf } from './context';
