import { useEffect, useState, type RefObject } from 'react';

/** An audio element's state at one moment; times in seconds. */
export interface AudioState {
  playing: boolean;
  /** Wants to play and lacks data. */
  buffering: boolean;
  time: number;
  duration: number | undefined;
  failed: boolean;
}

const EVENTS = [
  'play',
  'playing',
  'pause',
  'waiting',
  'ended',
  'timeupdate',
  'seeking',
  'seeked',
  'durationchange',
  'canplay',
  'emptied',
  'error',
] as const;

const SILENT: AudioState = { playing: false, buffering: false, time: 0, duration: undefined, failed: false };

/** Follows an audio element. */
export function useAudio(ref: RefObject<HTMLAudioElement | null>): AudioState {
  const [state, setState] = useState(SILENT);
  useEffect(() => {
    const audio = ref.current;
    if (!audio) return;
    const read = () => {
      const playing = !audio.paused && !audio.ended;
      setState({
        playing,
        buffering: playing && audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA,
        time: audio.currentTime,
        duration: Number.isFinite(audio.duration) ? audio.duration : undefined,
        failed: audio.error !== null,
      });
    };
    read();
    for (const event of EVENTS) audio.addEventListener(event, read);
    return () => {
      for (const event of EVENTS) audio.removeEventListener(event, read);
    };
  }, [ref]);
  return state;
}
