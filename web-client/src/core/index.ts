/** Landfall without a framework: one line to the server, and what is known of each recording. Safe to import anywhere. */

export { Client, type ClientOptions } from './client';
export type { Carrier, Link } from './connection';
export { ProblemError } from './http';
export type { Mend } from './policy';
export type { Download } from './progress';
export type { Intent, Recording, SidError, State } from './protocol';
export { isSame, selecting } from './select';
export { createClient } from './shared';
export type { GetSource, Purpose, Source, SourceOptions } from './sources';
export type { Snapshot } from './store';
export type { GetToken, TokenReason } from './tokens';
export type { Phase, View } from './view';
