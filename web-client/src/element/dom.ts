/** Elements and icons in plain DOM. */

import { isShape, pathOf, type Glyph } from '../look/glyphs';

type Attributes = Record<string, string | number | boolean | undefined>;

/** An element with attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** Sets attributes; `undefined` and `false` take them away. What is the same stays untouched. */
export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = value === undefined || value === false ? null : value === true ? '' : String(value);
    if (element.getAttribute(name) === text) continue;
    if (text === null) element.removeAttribute(name);
    else element.setAttribute(name, text);
  }
}

/** Writes text where it differs: a live region speaks up at every write. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

const SVG = 'http://www.w3.org/2000/svg';

export function icon(glyph: Glyph): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  set(svg, { viewBox: '0 0 24 24', 'aria-hidden': 'true' });
  svg.append(document.createElementNS(SVG, 'path'));
  change(svg, glyph);
  return svg;
}

export function change(svg: SVGElement, glyph: Glyph): void {
  set(svg, { class: isShape(glyph) ? 'landfall-icon landfall-shape' : 'landfall-icon' });
  set(svg.firstElementChild!, { d: pathOf(glyph) });
}
