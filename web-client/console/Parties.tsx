import { Icon } from './Icon';
import type { Recording } from '../src/core';
import { useLanguage } from './i18n/language';

interface Props {
  recording: Recording;
  className: string;
}

/** From whom to whom. Each party is isolated: numbers and names keep their own direction. */
export function Parties({ recording: { from, to }, className }: Props) {
  const { text } = useLanguage();
  return (
    <span className={`parties ${className}`}>
      <bdi>{from ?? text.unknownParty}</bdi>
      <Icon name="arrow" className="arrow" />
      <span className="spoken">{text.to}</span>
      <bdi>{to ?? text.unknownParty}</bdi>
    </span>
  );
}
