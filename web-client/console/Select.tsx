import type { SelectHTMLAttributes } from 'react';
import { Icon } from './Icon';

/** A native select, as at home on a phone as under a keyboard, with our own arrow. */
export function Select(select: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <span className="select">
      <select {...select} />
      <Icon name="chevron" />
    </span>
  );
}
