/** Everything but the Web Component: that defines an element, and is an entry of its own. */

export * from './core';
export { en, he, type Text } from './i18n';
export { Player, type PlayerOptions, type PlayerState } from './playback';
export * from './react';
export * from './components';
export { AudioPlayer, type AudioPlayerProps } from './audio-player';
