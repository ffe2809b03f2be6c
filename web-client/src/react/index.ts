export { LandfallProvider, useClient } from './context';
export { useAudio, type AudioState } from './useAudio';
export { useLink, useRecording } from './useRecording';
