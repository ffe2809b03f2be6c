export { LandfallProvider, TextProvider, useClient, useText, type LandfallProviderProps } from './context';
export { usePlayer, usePlayerState, useRecordingPlayer, type PlayerActions } from './usePlayer';
export { useLink, useRecording, type RecordingOptions, type SelectingOptions } from './useRecording';
