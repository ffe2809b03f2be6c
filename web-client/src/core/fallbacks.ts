/** The chunk that is loaded where sockets are blocked. */

export { openEvents } from './events';
export { openHeld } from './held';
