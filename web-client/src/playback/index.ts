export { SKIP_S, press, type Operable } from './keys';
export type { Peaks } from './peaks';
export { Player, type PlayerOptions, type Server } from './player';
export { scrub, type Hover } from './scrub';
export type { Span } from './sound';
export type { PlayerState, Status } from './state';
export { Wave } from './wave';
