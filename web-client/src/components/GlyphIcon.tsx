/** A player's icon. */

import { isShape, pathOf, type Glyph } from '../look/glyphs';

export function GlyphIcon({ glyph }: { glyph: Glyph }) {
  return (
    <svg className={isShape(glyph) ? 'landfall-icon landfall-shape' : 'landfall-icon'} viewBox="0 0 24 24" aria-hidden="true">
      <path d={pathOf(glyph)} />
    </svg>
  );
}
