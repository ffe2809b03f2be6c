import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

interface Props {
  icon: IconName;
  title: string;
  text?: string | undefined;
  alert?: boolean;
  children?: ReactNode;
}

/** In the list's place when there is none: why, and what to do. */
export function Blank({ icon, title, text, alert = false, children }: Props) {
  return (
    <div className="blank" role={alert ? 'alert' : 'status'}>
      <Icon name={icon} />
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children}
    </div>
  );
}
