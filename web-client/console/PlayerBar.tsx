import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';
import { Icon, RateSelect, Timeline, Transport } from '../src/components';
import type { Recording } from '../src/core';
import { useAudio, useClient, useLink, useRecording } from '../src/react';
import { downloadUrl, onThisOrigin } from './api';
import { nameOf } from './format';
import { useLanguage } from './i18n/language';
import { Parties } from './Parties';
import { Preparing } from './Preparing';
import type { Playing } from './CallRow';

interface Props {
  listed: Recording;
  audio: RefObject<HTMLAudioElement | null>;
  onPlaying: (playing: Playing) => void;
  onClose: () => void;
}

/** The old player's key: listeners keep the speed they have chosen. */
const RATE = 'audioPlaybackRate';

/** Waits for the recording with the intent to play it, and plays it the moment it is ready. */
export function PlayerBar({ listed, audio, onPlaying, onClose }: Props) {
  const { text } = useLanguage();
  const client = useClient();
  const link = useLink();
  const { recording = listed, error } = useRecording(listed.sid, { intent: 'play' });
  const { playing, buffering, time, duration, failed } = useAudio(audio);
  const [blocked, setBlocked] = useState(false);
  const [rate, setRate] = useState(() => Number(localStorage.getItem(RATE)) || 1);
  const resumeAt = useRef(0);
  const { sid, state, url } = recording;
  const ready = state === 'ready' && url !== undefined;
  const source = ready ? onThisOrigin(url) : undefined;
  const name = nameOf(recording, text);

  const play = useCallback(() => {
    // Browsers that want a fresh click for sound refuse here: then the button is the click.
    audio.current?.play().then(
      () => setBlocked(false),
      (why: unknown) => setBlocked(why instanceof DOMException && why.name === 'NotAllowedError'),
    );
  }, [audio]);

  const load = useCallback(
    (src: string | undefined, at: number) => {
      const element = audio.current;
      if (!element) return;
      if (src === undefined) element.removeAttribute('src');
      else element.src = src;
      element.load();
      element.currentTime = at;
    },
    [audio],
  );

  useEffect(() => {
    load(source, 0);
    if (source !== undefined) play();
    return () => load(undefined, 0);
  }, [source, load, play]);

  // A new source starts at the default speed again.
  useEffect(() => {
    const element = audio.current;
    if (element) element.defaultPlaybackRate = element.playbackRate = rate;
  }, [audio, rate, source]);

  const status = !ready ? 'waiting' : playing ? 'playing' : 'paused';
  useEffect(() => onPlaying(status), [onPlaying, status]);
  useEffect(() => {
    if (!failed && time > 0) resumeAt.current = time;
  }, [failed, time]);

  const seek = useCallback(
    (to: number) => {
      if (audio.current) audio.current.currentTime = to;
    },
    [audio],
  );
  const length = duration ?? (ready && recording.duration_ms !== undefined ? recording.duration_ms / 1000 : undefined);

  const again = () => {
    if (!failed || !source) return client.retry(sid);
    load(source, resumeAt.current);
    play();
  };

  return (
    <section className="player" aria-label={text.player} data-state={state}>
      <div className="player-inner">
        <div className="player-what">
          {recording.title ? (
            <bdi className="who-main">{recording.title}</bdi>
          ) : (
            <Parties className="who-main" recording={recording} />
          )}
          {recording.title && !blocked ? (
            <Parties className="who-more" recording={recording} />
          ) : (
            <span className="who-more">{blocked ? text.pressPlay : text.states[state]}</span>
          )}
        </div>
        <div className="player-middle">
          <Transport
            playing={playing}
            disabled={!ready || failed}
            labels={text}
            onToggle={() => (playing ? audio.current?.pause() : play())}
            onSkip={(by) => seek(Math.min(length ?? Infinity, Math.max(0, time + by)))}
          />
          {ready && !failed ? (
            <Timeline time={time} duration={length} label={text.position} describe={text.positionOf} onSeek={seek} />
          ) : (
            <Preparing
              recording={recording}
              error={error}
              interrupted={failed}
              online={link.phase === 'online'}
              onRetry={again}
            />
          )}
        </div>
        <div className="player-tools">
          <RateSelect
            rate={rate}
            label={text.rate}
            onRate={(next) => {
              localStorage.setItem(RATE, String(next));
              setRate(next);
            }}
          />
          {state !== 'gone' && (
            <a
              className="icon-button download"
              href={downloadUrl(sid)}
              download
              aria-label={text.downloadOf(name)}
              title={text.download}
            >
              <Icon name="download" />
            </a>
          )}
          <button
            type="button"
            className="icon-button close"
            aria-label={text.closePlayer}
            title={text.closePlayer}
            onClick={onClose}
          >
            <Icon name="close" />
          </button>
        </div>
      </div>
      <p className="spoken" role="status">
        {error || state === 'failed' || state === 'gone'
          ? ''
          : ready && playing && !buffering
            ? text.nowPlaying(name)
            : text.states[state]}
      </p>
    </section>
  );
}
