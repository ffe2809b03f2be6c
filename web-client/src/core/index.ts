export { Client, type ClientOptions } from './client';
export type { Link } from './connection';
export type { Mend } from './policy';
export type { Intent, Recording, SidError, State } from './protocol';
export type { Snapshot } from './store';
