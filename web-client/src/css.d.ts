import 'react';

declare module 'react' {
  interface CSSProperties {
    /** How much of a bar is filled, 0 to 1. */
    '--filled'?: number;
  }
}
