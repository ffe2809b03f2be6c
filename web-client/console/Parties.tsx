import { Icon } from '../src/components';
import type { Recording } from '../src/core';
import { useLanguage } from './i18n/language';

/** From whom to whom. Each party is isolated: numbers and names keep their own direction. */
export function Parties({ recording: { from, to } }: { recording: Recording }) {
  const { text } = useLanguage();
  return (
    <span className="parties">
      <bdi>{from ?? text.unknownParty}</bdi>
      <Icon name="arrow" className="arrow" />
      <span className="spoken">{text.to}</span>
      <bdi>{to ?? text.unknownParty}</bdi>
    </span>
  );
}
