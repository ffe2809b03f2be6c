// What goes over the wire, made of the server's own description by `npm run generate`. Not to be edited.

/** What a client says. */
export type ClientMessage = {
  token: string;
  type: 'hello';
}
  | {
  id: number;
  intent?: WireIntent;
  sids: (string)[];
  type: 'subscribe';
}
  | {
  id: number;
  sids: (string)[];
  type: 'unsubscribe';
}
  | {
  token: string;
  type: 'refresh';
}
  | {
  type: 'ping';
}
  | {
  type: 'pong';
};

/** A link. */
export type Link = {
  /** Playing time, once known. */
  duration_ms?: number;
  /** When it expires. */
  expires_at: string;
  /** Opens its waveform, as long as that: of a link to listen. */
  peaks_url?: string;
  /** Opens the recording for whoever holds it, until it expires. */
  url: string;
};

/** A link that is wanted. */
export type LinkOrder = {
  /** What for. */
  purpose: WirePurpose;
};

/** The document. */
export type Problem = {
  /** A stable name. */
  code: string;
  /** What happened here, for developers. */
  detail: string;
  /** What an agent reads, in English. */
  message: string;
  /** What an agent reads, in Hebrew. */
  message_he: string;
  /** The request's id, as in `X-Request-Id`. */
  request_id: string;
  /** When trying again may help. */
  retry_after_ms?: number;
  /** The HTTP status code. */
  status: number;
  /** The status code's phrase. */
  title: string;
  /** Always `about:blank`: the code says which problem it is. */
  type: string;
};

/** What is known of a recording at one moment. Members that do not apply are left out. */
export type Recording = {
  /** Its call. */
  call_sid: string;
  /** 1 or 2. */
  channels?: number;
  /** Why it failed, is gone, or is being tried again. */
  code?: string;
  /** `audio/mpeg` or `audio/wav`. */
  content_type?: string;
  /** `inbound`, `outbound`, … */
  direction?: string;
  /** Playing time; before it has landed, what the provider or the back end told. */
  duration_ms?: number;
  /** Its validator, as in the header. */
  etag?: string;
  /** The caller. */
  from?: string;
  /** Where its waveform is. */
  peaks_url?: string;
  /** Bytes fetched so far. */
  received?: number;
  /** The provider's name for it, once known. */
  recording_sid?: string;
  /** When the next try begins. */
  retry_at?: string;
  /** The name it was asked for by. */
  sid: string;
  /** Bytes it has. */
  size?: number;
  /** When the call began. */
  started_at?: string;
  state: 'unknown' | 'queued' | 'downloading' | 'ready' | 'failed' | 'gone';
  /** Whether playing it again may help. */
  temporary?: boolean;
  /** A title. */
  title?: string;
  /** The called party. */
  to?: string;
  /** Bytes there will be. */
  total?: number;
  /** Where its bytes are; needs the credentials of this request. */
  url?: string;
  /** Grows by one with each change of state, within one epoch. */
  v: number;
};

/** Why a recording cannot be watched. */
export type Refusal = {
  /** A stable name. */
  code: string;
  /** Whether asking again may help. */
  temporary: boolean;
};

/** What a server says. `type` is the message's name, also as `event:` of a Server-Sent Event. */
export type ServerMessage = {
  epoch: string;
  max_sids: number;
  ping_ms: number;
  type: 'welcome';
}
  | {
  id: number;
  recordings: (Subscribed)[];
  type: 'subscribed';
}
  | {
  id: number;
  type: 'unsubscribed';
}
  | {
  received: number;
  sid: string;
  total?: number;
  type: 'progress';
  v: number;
}
  | (Recording & {
  type: 'ready';
})
  | (Recording & {
  type: 'failed';
})
  | (Recording & {
  type: 'gone';
})
  | (Recording & {
  type: 'state';
})
  | {
  expires_at: string;
  type: 'refreshed';
}
  | {
  type: 'ping';
}
  | {
  type: 'pong';
}
  | {
  in_ms: number;
  type: 'expiring';
}
  | {
  reconnect_in_ms: number;
  type: 'drain';
}
  | {
  code: string;
  id?: number;
  message: string;
  sid?: string;
  type: 'error';
};

/** One entry of `subscribed`. */
export type Subscribed = Recording
  | {
  error: Refusal;
  sid: string;
};

/** What a subscriber wants. */
export type WireIntent = 'watch' | 'play';

/** What a link shall be for. */
export type WirePurpose = 'play' | 'download';
