/** For tests: React in a page, without its test library. */

import { act, type ReactNode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import axe from 'axe-core';
import { vi } from 'vitest';

let host: HTMLElement | undefined;
let root: Root | undefined;

export function render(content: ReactNode): HTMLElement {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  host ??= document.body.appendChild(document.createElement('main'));
  root ??= createRoot(host);
  act(() => root!.render(content));
  return host;
}

export function unmount(): void {
  if (root) act(() => root!.unmount());
  host?.remove();
  root = host = undefined;
}

/** What axe finds, in words; layout and colours it cannot see here, the browser tests do. */
export async function findings(element: Element): Promise<string[]> {
  const { violations } = await axe.run(element, { rules: { 'color-contrast': { enabled: false } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
