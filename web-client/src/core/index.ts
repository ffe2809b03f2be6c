export { Client, type ClientOptions } from './client';
export type { Link } from './connection';
export type { Mend } from './policy';
export type { Download } from './progress';
export type { Intent, Recording, SidError, State } from './protocol';
export { ProblemError } from './http';
export type { GetSource, Purpose, Source, SourceOptions } from './sources';
export type { Snapshot } from './store';
export { view, type Phase, type View } from './view';
