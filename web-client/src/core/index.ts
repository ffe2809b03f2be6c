export { Client, type ClientOptions } from './client';
export type { Link } from './connection';
export type { Mend } from './policy';
export { isSettled, type Intent, type Recording, type SidError, type State } from './protocol';
export type { Snapshot } from './store';
