export * as Parts from './parts';
export { PlayerView, RecordingPlayer, type PlayerViewProps, type RecordingPlayerProps } from './RecordingPlayer';
