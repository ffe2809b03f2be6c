/** The buttons of a player: unstyled, named in the language, each with the state it stands for. */

import type { ComponentPropsWithoutRef, ReactNode } from 'react';
import { clock, spoken } from '../../i18n';
import { SKIP_S } from '../../playback';
import { useText } from '../../react';
import { usePart, usePartOf } from './context';

type ButtonProps = Omit<ComponentPropsWithoutRef<'button'>, 'onClick'>;

function Button(props: ComponentPropsWithoutRef<'button'> & { label: string }) {
  const { label, ...rest } = props;
  return <button type="button" aria-label={label} title={label} {...rest} />;
}

/** Whether there is nothing to play and will be nothing. */
export const useIsLost = (): boolean =>
  usePart(({ status }) => /^(gone|not_found|forbidden|signed_out)$/.test(status));

/** Plays and pauses. `children` may be a function of what the press would do and whether it waits. */
export function PlayButton({
  children,
  ...rest
}: Omit<ButtonProps, 'children'> & { children?: ReactNode | ((playing: boolean, waiting: boolean) => ReactNode) }) {
  const player = usePartOf();
  const text = useText();
  const playing = usePart((state) => state.playing || state.wanted);
  const waiting = usePart((state) => state.wanted || state.buffering);
  const lost = useIsLost();
  return (
    <Button
      label={playing ? text.pause : text.play}
      data-playing={playing || undefined}
      aria-busy={waiting || undefined}
      disabled={lost}
      onClick={player.toggle}
      {...rest}
    >
      {typeof children === 'function' ? children(playing, waiting) : children}
    </Button>
  );
}

/** Jumps by so many seconds; negative is back. */
export function SkipButton({ by = SKIP_S, ...rest }: ButtonProps & { by?: number }) {
  const player = usePartOf();
  const text = useText();
  const label = (by < 0 ? text.back : text.forward)(spoken(Math.abs(by), text));
  const idle = usePart(({ duration }) => duration === undefined);
  return <Button label={label} disabled={useIsLost() || idle} onClick={() => player.skip(by)} {...rest} />;
}

export function MuteButton(props: ButtonProps) {
  const player = usePartOf();
  const text = useText();
  const muted = usePart(({ muted, volume }) => muted || volume === 0);
  return <Button label={muted ? text.unmute : text.mute} data-muted={muted || undefined} onClick={player.toggleMuted} {...props} />;
}

export function SkipSilenceButton(props: ButtonProps) {
  const player = usePartOf();
  const skips = usePart(({ skipsSilence }) => skipsSilence);
  const can = usePart(({ canSkipSilence }) => canSkipSilence);
  const toggle = () => player.setSkipsSilence(!skips);
  return <Button label={useText().skipSilence} aria-pressed={skips} disabled={!can} onClick={toggle} {...props} />;
}

/** Saves the file. Fetches it first, where that has not been done. */
export function DownloadButton(props: ButtonProps) {
  const player = usePartOf();
  const saving = usePart(({ saving }) => saving);
  const failed = usePart(({ saveTrouble }) => saveTrouble !== undefined);
  return (
    <Button
      label={useText().download}
      data-failed={failed || undefined}
      aria-busy={saving || undefined}
      disabled={useIsLost() || saving}
      onClick={player.download}
      {...props}
    />
  );
}

/** Copies the address of this place. */
export function CopyLinkButton(props: ButtonProps) {
  const player = usePartOf();
  const text = useText();
  const copied = usePart(({ copied }) => copied);
  // Rendered once a second, as the label reads, and not for each tick of the clock.
  const time = usePart(({ time }) => clock(time));
  return (
    <Button
      label={copied ? text.copied : text.copyLink(time)}
      data-copied={copied || undefined}
      onClick={() => void player.copyLink()}
      {...props}
    />
  );
}

/** Names the part that is played over and over, and ends that; nothing while there is none. */
export function SelectionButton({ children, ...rest }: ButtonProps) {
  const player = usePartOf();
  const text = useText();
  const selection = usePart((state) => state.selection);
  if (!selection) return null;
  const [from, to] = selection.map(clock) as [string, string];
  // What is read on it comes first in its name: whoever speaks to the page says what they see.
  const shown = `${from} – ${to}`;
  return (
    <Button label={`${shown}. ${text.endLoop}`} title={text.endLoop} onClick={() => player.select(undefined)} {...rest}>
      <bdi>{shown}</bdi>
      {children}
    </Button>
  );
}

/** Tries again; nothing while there is nothing to try. */
export function RetryButton({ children, ...rest }: ButtonProps) {
  const player = usePartOf();
  const text = useText();
  const helps = usePart(({ status, temporary }) => temporary && (status === 'failed' || status === 'offline'));
  if (!helps) return null;
  return (
    <button type="button" onClick={player.retry} {...rest}>
      {children ?? text.tryAgain}
    </button>
  );
}

/** Hears one of two sides alone, and both when pressed again. Nothing for a recording with one. */
export function SideButton({ side, label, children, ...rest }: ButtonProps & { side: 0 | 1; label: string }) {
  const player = usePartOf();
  const text = useText();
  const alone = side === 0 ? -1 : 1;
  const pressed = usePart(({ balance }) => balance === alone);
  const stereo = usePart(({ stereo }) => stereo);
  if (!stereo) return null;
  return (
    <Button
      label={text.only(label)}
      aria-pressed={pressed}
      onClick={() => player.setBalance(pressed ? 0 : alone)}
      {...rest}
    >
      {children ?? label}
    </Button>
  );
}
