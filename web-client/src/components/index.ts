export { clock } from './clock';
export { Icon, type IconName } from './Icon';
export { RateSelect } from './RateSelect';
export { Select } from './Select';
export { Timeline } from './Timeline';
export { Transport } from './Transport';
export * as Parts from './parts';
export { PlayerView, RecordingPlayer, type RecordingPlayerProps } from './RecordingPlayer';
