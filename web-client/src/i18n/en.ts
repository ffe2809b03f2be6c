/** The player in English, and the shape that every other language has. Plain data: add a language by writing one more. */

/** Every text of the player. `language` is a BCP 47 tag, for numbers, dates and lengths of time. */
export interface Text {
  language: string;
  dir: 'ltr' | 'rtl';
  player: string;
  /** Of a call without a title. */
  call: string;
  unknownParty: string;
  to: string;
  play: string;
  pause: string;
  /** `length` is written out: “10 seconds”. */
  back: (length: string) => string;
  forward: (length: string) => string;
  position: string;
  positionOf: (time: string, duration: string) => string;
  rate: string;
  volume: string;
  mute: string;
  unmute: string;
  balance: string;
  bothSides: string;
  /** `side` is one of `sides`. */
  only: (side: string) => string;
  sides: { agent: string; customer: string; first: string; second: string };
  skipSilence: string;
  loop: (from: string, to: string) => string;
  endLoop: string;
  download: string;
  copyLink: (time: string) => string;
  copied: string;
  tryAgain: string;
  /** Under the name of each state. */
  status: {
    watching: string;
    queued: string;
    downloading: string;
    ready: string;
    failed: string;
    gone: string;
    offline: string;
    signed_out: string;
    forbidden: string;
    not_found: string;
    renewing: string;
    /** Play was pressed, and the server has not said anything yet. */
    asked: string;
    blocked: string;
    playing: string;
  };
  bytesOf: (received: string, total: string) => string;
  left: (time: string) => string;
  nextTry: (time: string) => string;
  /** For a code that has no text of its own: for whoever the user tells. */
  fault: (code: string) => string;
  /** Why, by the server's problem codes. */
  codes: Readonly<Record<string, string>>;
}

export const en: Text = {
  language: 'en',
  dir: 'ltr',
  player: 'Recording',
  call: 'Call',
  unknownParty: 'Unknown number',
  to: 'to',
  play: 'Play',
  pause: 'Pause',
  back: (length) => `Back ${length}`,
  forward: (length) => `Forward ${length}`,
  position: 'Position',
  positionOf: (time, duration) => `${time} of ${duration}`,
  rate: 'Playback speed',
  volume: 'Volume',
  mute: 'Mute',
  unmute: 'Unmute',
  balance: 'Balance of the two sides',
  bothSides: 'Both sides',
  only: (side) => `Hear only: ${side}`,
  sides: { agent: 'Agent', customer: 'Customer', first: 'Side 1', second: 'Side 2' },
  skipSilence: 'Skip silence',
  loop: (from, to) => `Repeating ${from} to ${to}`,
  endLoop: 'Stop repeating',
  download: 'Download',
  copyLink: (time) => `Copy link at ${time}`,
  copied: 'Link copied',
  tryAgain: 'Try again',
  status: {
    watching: 'Press play to fetch the recording',
    queued: 'Waiting for its turn…',
    downloading: 'Fetching the recording…',
    ready: 'Ready',
    failed: 'The recording could not be fetched',
    gone: 'The recording is gone',
    offline: 'No connection. It goes on by itself.',
    signed_out: 'Your session has ended. Sign in again.',
    forbidden: 'You may not hear this recording',
    not_found: 'The recording was not found',
    renewing: 'Renewing the link…',
    asked: 'Asking for the recording…',
    blocked: 'Ready. Press play.',
    playing: 'Playing',
  },
  bytesOf: (received, total) => `${received} of ${total}`,
  left: (time) => `${time} left`,
  nextTry: (time) => `Next try at ${time}`,
  fault: (code) => `Fault: ${code}`,
  codes: {
    erased: 'It was erased on request.',
    expired: 'It was removed after its retention period.',
    absent: 'This call was not recorded.',
    deleted_at_source: 'The provider no longer has it.',
    source_unauthorized: 'The provider refuses our credentials.',
    source_failed: 'The provider did not deliver it.',
    not_yet_at_source: 'The provider is still preparing it.',
    source_busy: 'The provider is busy.',
    source_unreachable: 'The provider cannot be reached.',
    overloaded: 'The server is busy.',
    limits: 'Too many recordings are open at once.',
    sids_per_socket: 'Too many recordings are open at once.',
    message: 'This page is older or newer than the server. Reload it.',
    protocol: 'This page is older or newer than the server. Reload it.',
    unreachable: 'The recording server does not respond.',
    interrupted: 'Playback was interrupted.',
    undecodable: 'The file cannot be played.',
  },
};
