/** For tests: what jsdom's page lacks, and a canvas that tells what was painted. */

import { vi } from 'vitest';

export const canvas = {
  /** Left edge and width of each area that was cleared for painting. */
  cleared: [] as [x: number, width: number][],
  bars: [] as { x: number; alpha: number; colour: string }[],
};

/** Hides or shows everything, as scrolling does. */
export let sight: (visible: boolean) => void = () => {};

export function installPage({ width = 300, height = 60 } = {}): void {
  Object.assign(canvas, { cleared: [], bars: [] });
  const seers = new Set<IntersectionObserverCallback>();
  sight = (isIntersecting) => {
    for (const seer of seers) seer([{ isIntersecting } as IntersectionObserverEntry], undefined!);
  };
  vi.stubGlobal('ResizeObserver', class {
    observe() {}
    disconnect() {}
  });
  vi.stubGlobal('IntersectionObserver', class {
    constructor(readonly seer: IntersectionObserverCallback) {
      seers.add(seer);
    }
    observe() {
      queueMicrotask(() => seers.has(this.seer) && this.seer([{ isIntersecting: true } as IntersectionObserverEntry], undefined!));
    }
    disconnect() {
      seers.delete(this.seer);
    }
  });
  // jsdom works for a long time on what the stylesheets would say.
  const colours = { fill: '#0b6b6f', stroke: '#5a53c9', color: '#14181f', floodColor: '#dddddd' };
  const computed = getComputedStyle;
  vi.stubGlobal('getComputedStyle', (element: Element, pseudo?: string) =>
    element instanceof HTMLCanvasElement ? colours : computed(element, pseudo),
  );
  vi.stubGlobal('matchMedia', () => new EventTarget());
  vi.spyOn(HTMLCanvasElement.prototype, 'clientWidth', 'get').mockReturnValue(width);
  vi.spyOn(HTMLCanvasElement.prototype, 'clientHeight', 'get').mockReturnValue(height);
  const context = {
    globalAlpha: 1,
    fillStyle: '',
    clearRect: (x: number, _y: number, wide: number) => canvas.cleared.push([x, wide]),
    beginPath: () => {},
    fill: () => {},
    fillRect: () => {},
    roundRect(this: { globalAlpha: number; fillStyle: string }, x: number) {
      canvas.bars.push({ x, alpha: this.globalAlpha, colour: this.fillStyle });
    },
  };
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(context as never);
}
