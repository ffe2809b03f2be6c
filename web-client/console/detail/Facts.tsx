import type { ReactNode } from 'react';
import type { Recording } from '../../src/core';
import { bytes, clock, moment } from '../format';
import { useLanguage } from '../i18n/language';
import { Copy } from './Copy';

const FORMATS: Record<string, string> = { 'audio/mpeg': 'MP3', 'audio/wav': 'WAV' };

/** What is known of a call. What is not known is left out. */
export function Facts({ recording }: { recording: Recording }) {
  const { code, text } = useLanguage();
  const { started_at, duration_ms, direction, from, to, content_type, channels, size, call_sid, recording_sid } =
    recording;
  const lanes = channels === undefined ? undefined : channels > 1 ? text.detail.stereo : text.detail.mono;
  const format = content_type && [FORMATS[content_type] ?? content_type, lanes].filter(Boolean).join(' · ');
  return (
    <section className="facts">
      <h3>{text.detail.facts}</h3>
      <dl>
        <Fact name={text.detail.started}>
          {started_at && <time dateTime={started_at}>{moment(started_at, code)}</time>}
        </Fact>
        <Fact name={text.detail.duration}>{duration_ms !== undefined && clock(duration_ms)}</Fact>
        <Fact name={text.detail.direction}>{direction && (text.directions[direction] ?? direction)}</Fact>
        <Fact name={text.detail.from}>{from && <bdi>{from}</bdi>}</Fact>
        <Fact name={text.detail.to}>{to && <bdi>{to}</bdi>}</Fact>
        <Fact name={text.detail.format}>{format && <bdi>{format}</bdi>}</Fact>
        <Fact name={text.detail.size}>{size !== undefined && bytes(size, code)}</Fact>
        <SidFact name={text.detail.callSid} sid={call_sid} />
        <SidFact name={text.detail.recordingSid} sid={recording_sid} />
      </dl>
    </section>
  );
}

function Fact({ name, wide = false, children }: { name: string; wide?: boolean; children: ReactNode }) {
  if (!children) return null;
  return (
    <div className={wide ? 'fact wide' : 'fact'}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function SidFact({ name, sid }: { name: string; sid: string | undefined }) {
  const { text } = useLanguage();
  if (!sid) return null;
  return (
    <Fact name={name} wide>
      <bdi className="sid">{sid}</bdi>
      <Copy value={() => sid} label={text.detail.copy(name)} />
    </Fact>
  );
}
