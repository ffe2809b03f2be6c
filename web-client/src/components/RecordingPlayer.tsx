/** The styled player: all parts, laid out from a table row to a page by the room there is. Needs `styles.css`. */

import type { ComponentProps } from 'react';
import { sidesOf, type Text } from '../i18n';
import { TextProvider, useText } from '../react';
import { GlyphIcon } from './GlyphIcon';
import * as Parts from './parts';

interface Look {
  /** `compact` is one line, for rows; `full` has everything. */
  layout?: 'full' | 'compact' | undefined;
  /** `auto` follows the system. */
  theme?: 'auto' | 'light' | 'dark' | undefined;
  /** Who is on the first and on the second side; known from the call's direction unless given. */
  sides?: readonly [string, string] | undefined;
}

export interface RecordingPlayerProps extends Look, Parts.RootProps {
  /** The language, where it is not the provider's. */
  text?: Text | undefined;
}

/** A recording's player: all it needs is the SID, and a `LandfallProvider` above. */
export function RecordingPlayer({ text, layout, theme, sides, className, ...root }: RecordingPlayerProps) {
  const player = (
    <Parts.Root {...root} {...frame(layout, theme, className)}>
      <Body layout={layout} sides={sides} />
    </Parts.Root>
  );
  return text ? <TextProvider text={text}>{player}</TextProvider> : player;
}

export type PlayerViewProps = Look & ComponentProps<typeof Parts.Room>;

/** The same for a player that exists, as `useRecordingPlayer` makes it. */
export function PlayerView({ layout, theme, sides, className, ...room }: PlayerViewProps) {
  return (
    <Parts.Room {...room} {...frame(layout, theme, className)}>
      <Body layout={layout} sides={sides} />
    </Parts.Room>
  );
}

const frame = (layout: Look['layout'] = 'full', theme: Look['theme'] = 'auto', className = '') => ({
  className: `landfall-player ${className}`.trim(),
  'data-layout': layout,
  'data-theme': theme,
});

function Body({ layout, sides }: Look) {
  return <div className="landfall-body">{layout === 'compact' ? <Compact /> : <Full sides={sides} />}</div>;
}

function Full({ sides }: Look) {
  const text = useText();
  const recording = Parts.usePart((state) => state.recording);
  const [first, second] = sides ?? sidesOf(recording, text);
  return (
    <>
      <div className="landfall-head">
        <div className="landfall-names">
          <Parts.Title className="landfall-title" />
          {recording?.title && <Parts.Parties className="landfall-parties" />}
        </div>
        <Parts.SelectionButton className="landfall-chip">
          <GlyphIcon glyph="close" />
        </Parts.SelectionButton>
        <div className="landfall-sides">
          <Parts.SideButton side={0} label={first} className="landfall-side" />
          <Parts.SideButton side={1} label={second} className="landfall-side" />
        </div>
      </div>
      <div className="landfall-stage" dir="ltr">
        <Track />
      </div>
      <div className="landfall-bar">
        <div className="landfall-clock" dir="ltr">
          <Parts.Time className="landfall-now" />
          <span aria-hidden="true">/</span>
          <Parts.Time of="duration" />
        </div>
        <div className="landfall-transport" dir="ltr">
          <Skip by={-10} />
          <PlayPause />
          <Skip by={10} />
        </div>
        <div className="landfall-tools">
          <Parts.RateSelect className="landfall-rate" />
          <Parts.SkipSilenceButton className="landfall-button">
            <GlyphIcon glyph="silence" />
          </Parts.SkipSilenceButton>
          <Parts.BalanceRange className="landfall-range landfall-balance" sides={[first, second]} />
          <div className="landfall-volume">
            <Mute />
            <Parts.VolumeRange className="landfall-range" />
          </div>
          <CopyLink />
          <Download />
        </div>
      </div>
    </>
  );
}

function Compact() {
  return (
    <>
      <PlayPause />
      <div className="landfall-stage" dir="ltr">
        <Track />
      </div>
      <div className="landfall-clock" dir="ltr">
        <Parts.Time className="landfall-now" />
        <span aria-hidden="true">/</span>
        <Parts.Time of="duration" />
      </div>
      <div className="landfall-tools">
        <Parts.RateSelect className="landfall-rate" />
        <Download />
      </div>
    </>
  );
}

/** The timeline, and over it what is to be said while there is nothing to play. */
function Track() {
  return (
    <div className="landfall-track">
      <Parts.Timeline className="landfall-timeline">
        <Parts.Waveform className="landfall-wave" />
      </Parts.Timeline>
      <div className="landfall-notice" dir="auto">
        <div className="landfall-words">
          <Parts.Status className="landfall-status" />
          <Parts.Detail className="landfall-detail" />
        </div>
        <Parts.RetryButton className="landfall-retry" />
        <Parts.Progress className="landfall-progress" />
      </div>
    </div>
  );
}

function PlayPause() {
  return (
    <Parts.PlayButton className="landfall-play">
      {(playing) => <GlyphIcon glyph={playing ? 'pause' : 'play'} />}
    </Parts.PlayButton>
  );
}

function Skip({ by }: { by: number }) {
  return (
    <Parts.SkipButton by={by} className="landfall-button landfall-skip">
      <GlyphIcon glyph={by < 0 ? 'back' : 'forward'} />
      <span aria-hidden="true">{Math.abs(by)}</span>
    </Parts.SkipButton>
  );
}

function Mute() {
  const muted = Parts.usePart((state) => state.muted || state.volume === 0);
  return (
    <Parts.MuteButton className="landfall-button">
      <GlyphIcon glyph={muted ? 'muted' : 'volume'} />
    </Parts.MuteButton>
  );
}

function CopyLink() {
  const copied = Parts.usePart((state) => state.copied);
  return (
    <Parts.CopyLinkButton className="landfall-button landfall-copy">
      <GlyphIcon glyph={copied ? 'done' : 'link'} />
    </Parts.CopyLinkButton>
  );
}

function Download() {
  return (
    <Parts.DownloadButton className="landfall-button landfall-download">
      <GlyphIcon glyph="download" />
    </Parts.DownloadButton>
  );
}

