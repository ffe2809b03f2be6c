import { useEffect, useState, type RefObject } from 'react';

/** Rows this near to the screen count as seen, so that scrolling finds them up to date. */
const NEAR = '200px';

const callbacks = new WeakMap<Element, (visible: boolean) => void>();
let observer: IntersectionObserver | undefined;

/** Whether an element is on the screen or near it. One observer serves every row. */
export function useVisible(ref: RefObject<Element | null>): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const entry of entries) callbacks.get(entry.target)?.(entry.isIntersecting);
      },
      { rootMargin: NEAR },
    );
    callbacks.set(element, setVisible);
    observer.observe(element);
    return () => observer?.unobserve(element);
  }, [ref]);
  return visible;
}
