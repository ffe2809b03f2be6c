/** How things stand, in words and as a bar. */

import type { ComponentPropsWithoutRef } from 'react';
import { detailText, nameOf, statusText } from '../../i18n';
import { useText } from '../../react';
import { usePart } from './context';

/** The state in words, read out when it changes. */
export function Status(props: ComponentPropsWithoutRef<'p'>) {
  const text = useText();
  const status = usePart((state) => statusText(state, text));
  return (
    <p role="status" {...props}>
      {status}
    </p>
  );
}

/** What there is to add to the state: bytes and time left, the reason, the next try. Nothing where there is nothing. */
export function Detail(props: ComponentPropsWithoutRef<'p'>) {
  const text = useText();
  const detail = usePart((state) => detailText(state, text));
  return detail ? <p {...props}>{detail}</p> : null;
}

/** How far the server's download is; moves without an end while nobody knows. Nothing when nothing is awaited. */
export function Progress(props: ComponentPropsWithoutRef<'div'>) {
  const text = useText();
  const status = usePart((state) => state.status);
  const wanted = usePart((state) => state.wanted || state.saving);
  const percent = usePart((state) => state.progress?.percent);
  const label = usePart((state) => statusText(state, text));
  const awaited = /^(queued|downloading|renewing)$/.test(status) || (wanted && /^(watching|offline)$/.test(status));
  if (!awaited) return null;
  const known = status === 'downloading' ? percent : undefined;
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={known}
      data-unknown={known === undefined || undefined}
      style={{ '--filled': (known ?? 0) / 100 }}
      {...props}
    />
  );
}

/** What the call is called. */
export function Title(props: ComponentPropsWithoutRef<'bdi'>) {
  const text = useText();
  const recording = usePart((state) => state.recording);
  const { title, from, to } = recording ?? {};
  if (title || !(from || to)) return <bdi {...props}>{nameOf(recording, text)}</bdi>;
  // Each party by itself: in a line from right to left a number would lose its plus sign to the other end.
  return (
    <span {...props}>
      <bdi dir="ltr">{from ?? text.unknownParty}</bdi> {text.to} <bdi dir="ltr">{to ?? text.unknownParty}</bdi>
    </span>
  );
}

/** Who called whom. Nothing where neither is known. */
export function Parties(props: ComponentPropsWithoutRef<'span'>) {
  const text = useText();
  const recording = usePart((state) => state.recording);
  if (!recording?.from && !recording?.to) return null;
  return (
    <span {...props}>
      <bdi dir="ltr">{recording.from ?? text.unknownParty}</bdi>
      <span aria-hidden="true">{text.dir === 'rtl' ? ' ← ' : ' → '}</span>
      <span className="landfall-spoken">{` ${text.to} `}</span>
      <bdi dir="ltr">{recording.to ?? text.unknownParty}</bdi>
    </span>
  );
}
