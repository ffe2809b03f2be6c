import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';
import { RateSelect, Timeline, Transport } from '../../src/components';
import type { Recording } from '../../src/core';
import { useAudio, useClient, useLink, useRecording } from '../../src/react';
import { onThisOrigin } from '../api';
import { nameOf } from '../format';
import { useLanguage } from '../i18n/language';
import { Preparing } from './Preparing';

interface Props {
  listed: Recording;
  audio: RefObject<HTMLAudioElement | null>;
  /** Play is wanted already; grows with each wish. */
  wanted: number;
  at: number | undefined;
  onPlaying: (playing: boolean) => void;
}

/** The old player's key: listeners keep the speed they have chosen. */
const RATE = 'audioPlaybackRate';

/** Waits for the recording with the intent to play it, and plays it the moment it is ready. */
export function CallPlayer({ listed, audio, wanted, at, onPlaying }: Props) {
  const { text } = useLanguage();
  const client = useClient();
  const link = useLink();
  const [asked, setAsked] = useState(wanted > 0);
  const { recording = listed, error } = useRecording(listed.sid, { intent: asked ? 'play' : 'watch' });
  const { playing, time, duration, failed } = useAudio(audio);
  const [rate, setRate] = useState(() => Number(localStorage.getItem(RATE)) || 1);
  const resumeAt = useRef(at ?? 0);
  const { sid, state, url } = recording;
  const ready = state === 'ready' && url !== undefined;
  const source = ready && asked ? onThisOrigin(url) : undefined;

  const play = useCallback(() => void audio.current?.play().catch(() => {}), [audio]);
  const load = useCallback(
    (src: string | undefined, from: number) => {
      const element = audio.current;
      if (!element) return;
      if (src === undefined) element.removeAttribute('src');
      else element.src = src;
      element.load();
      element.currentTime = from;
    },
    [audio],
  );

  useEffect(() => {
    if (source === undefined) return;
    load(source, resumeAt.current);
    play();
    return () => load(undefined, 0);
  }, [source, load, play]);
  useEffect(() => {
    if (wanted > 0) setAsked(true);
  }, [wanted]);
  useEffect(() => {
    const element = audio.current;
    if (element) element.defaultPlaybackRate = element.playbackRate = rate;
  }, [audio, rate, source]);
  useEffect(() => onPlaying(playing), [onPlaying, playing]);
  useEffect(() => {
    if (!failed && time > 0) resumeAt.current = time;
  }, [failed, time]);

  const seek = useCallback(
    (to: number) => {
      if (audio.current) audio.current.currentTime = to;
    },
    [audio],
  );
  const length = duration ?? (recording.duration_ms === undefined ? undefined : recording.duration_ms / 1000);
  const toggle = () => {
    if (!asked) setAsked(true);
    else if (playing) audio.current?.pause();
    else play();
  };
  const again = () => {
    if (!failed || !source) return client.retry(sid);
    load(source, resumeAt.current);
    play();
  };

  return (
    <section className="player" aria-label={text.player} data-state={state} data-name={nameOf(recording, text)}>
      <Transport
        playing={playing}
        disabled={(asked && !ready) || failed || state === 'gone'}
        labels={text}
        onToggle={toggle}
        onSkip={(by) => seek(Math.min(length ?? Infinity, Math.max(0, time + by)))}
      />
      {!asked || (ready && !failed) ? (
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
      <RateSelect
        rate={rate}
        label={text.rate}
        onRate={(next) => {
          localStorage.setItem(RATE, String(next));
          setRate(next);
        }}
      />
    </section>
  );
}
