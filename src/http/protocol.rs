//! What goes over the wire about a recording: the state object, and the messages of sockets and event streams. One
//! encoding for WebSocket, Server-Sent Events and HTTP.

mod ready;

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, Type};

use crate::recording::{self, Recording, Sid, State, Status, Timestamp};
use crate::registry::{Event, EventKind};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "landfall.v1";
/// A second subprotocol carries the token behind this.
pub const BEARER: &str = "landfall.bearer.";

/// Bytes that most messages fit into.
const USUAL: usize = 512;

/// Where URLs in answers begin: scheme, host and port, without a slash at the end.
#[derive(Clone, Debug)]
pub struct PublicUrl(pub std::sync::Arc<str>);

/// What is known of a recording at one moment. Members that do not apply are left out.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Recording)]
pub struct StateObject<'a> {
    /// The name it was asked for by.
    #[schema(value_type = String, example = "CA0123456789abcdef0123456789abcdef")]
    sid: Sid,
    /// Its call.
    #[schema(value_type = String)]
    call_sid: Sid,
    /// The provider's name for it, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    recording_sid: Option<Sid>,
    /// Grows by one with each change of state, within one epoch.
    v: u64,
    /// `unknown`, `queued`, `downloading`, `ready`, `failed` or `gone`.
    #[schema(schema_with = state_schema)]
    state: &'static str,
    /// Bytes fetched so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<u64>,
    /// Bytes there will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Where its bytes are; needs the credentials of this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Bytes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Its validator, as in the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// `audio/mpeg` or `audio/wav`.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'static str>,
    /// Playing time; before it has landed, what the provider or the back end told.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    /// 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<u8>,
    /// Where its waveform is.
    #[serde(skip_serializing_if = "Option::is_none")]
    peaks_url: Option<String>,
    /// When the call began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// The caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    /// The called party.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    /// `inbound`, `outbound`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'a str>,
    /// A title.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    /// Why it failed, is gone, or is being tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Whether playing it again may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary: Option<bool>,
    /// When the next try begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
}

fn state_schema() -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(State::ALL.map(State::as_str))).build()
}

impl<'a> StateObject<'a> {
    /// The state of a recording, for somebody who asked for it as `asked`.
    pub fn new(asked: Sid, recording: &'a Recording, status: &Status, base: &PublicUrl) -> Self {
        let media = status.media.filter(|_| status.state == State::Ready);
        let progress = status.progress.filter(|_| status.state == State::Downloading);
        let about = &recording.about;
        let told = about.duration_s.map(|seconds| u64::from(seconds) * 1000);
        Self {
            sid: asked,
            call_sid: recording.call_sid,
            recording_sid: recording.recording_sid,
            v: status.v,
            state: status.state.as_str(),
            received: progress.map(|progress| progress.received),
            total: progress.and_then(|progress| progress.total),
            url: media.map(|_| [&base.0, "/api/recordings/file/", asked.as_str()].concat()),
            size: media.map(|media| media.size),
            etag: media.map(|media| recording::etag(recording.sid, &media)),
            content_type: media.map(|media| media.container.content_type()),
            duration_ms: media.map(|media| media.duration_ms).or(told),
            channels: media.map(|media| media.channels),
            peaks_url: media.map(|_| [&base.0, "/api/recordings/", asked.as_str(), "/peaks"].concat()),
            started_at: about.started_at,
            from: about.from.as_deref(),
            to: about.to.as_deref(),
            direction: about.direction.as_deref(),
            title: about.title.as_deref(),
            code: status.code.map(|code| code.as_str()),
            temporary: status.code.map(|code| code.is_temporary()),
            retry_at: status.retry_at,
        }
    }
}

/// What a server says. `type` is the message's name, also as `event:` of a Server-Sent Event.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// The first message.
    Welcome { epoch: &'a str, ping_ms: u64, max_sids: usize },
    /// The answer to `subscribe`: the states of that moment.
    Subscribed { id: u64, recordings: Vec<Subscribed<'a>> },
    /// The answer to `unsubscribe`.
    Unsubscribed { id: u64 },
    /// How far a download has come.
    Progress {
        #[schema(value_type = String)]
        sid: Sid,
        v: u64,
        received: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
    },
    /// It can be heard.
    Ready(&'a StateObject<'a>),
    /// It cannot be heard now.
    Failed(&'a StateObject<'a>),
    /// It can never be heard again.
    Gone(&'a StateObject<'a>),
    /// Any other change.
    State(&'a StateObject<'a>),
    /// The answer to `refresh`.
    Refreshed {
        #[schema(value_type = String, format = DateTime)]
        expires_at: Timestamp,
    },
    /// Are you there?
    Ping,
    /// I am.
    Pong,
    /// The token runs out.
    Expiring { in_ms: u64 },
    /// The server stops: come back after that time.
    Drain { reconnect_in_ms: u64 },
    /// Something in a message could not be done; the socket stays open.
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sid: Option<&'a str>,
        code: &'a str,
        message: &'a str,
    },
}

/// One entry of `subscribed`.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Subscribed<'a> {
    /// The state.
    State(Box<StateObject<'a>>),
    /// Why there is none.
    Refused { sid: &'a str, error: Refusal },
}

/// Why a recording cannot be watched.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct Refusal {
    /// A stable name.
    pub code: &'static str,
    /// Whether asking again may help.
    pub temporary: bool,
}

/// What a client says.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The token, when the handshake carried none.
    Hello { token: String },
    /// Watch or play these.
    Subscribe {
        id: u64,
        sids: Vec<String>,
        #[serde(default)]
        intent: WireIntent,
    },
    /// Stop watching these.
    Unsubscribe { id: u64, sids: Vec<String> },
    /// A new token.
    Refresh { token: String },
    /// Are you there?
    Ping {},
    /// I am.
    Pong {},
}

impl ClientMessage {
    /// The message that a text is. Only objects are messages: the reader would take a list of the same values too.
    pub fn read(text: &str) -> Option<Self> {
        text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok())?
    }
}

/// What a subscriber wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireIntent {
    /// To know.
    #[default]
    Watch,
    /// To hear.
    Play,
}

impl ServerMessage<'_> {
    /// The message as text.
    pub fn encode(&self) -> Utf8Bytes {
        let mut text = Vec::with_capacity(USUAL);
        // A struct of numbers and text always has an encoding.
        serde_json::to_writer(&mut text, self).ok().and_then(|()| text.try_into().ok()).unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Welcome { .. } => "welcome",
            Self::Subscribed { .. } => "subscribed",
            Self::Unsubscribed { .. } => "unsubscribed",
            Self::Progress { .. } => "progress",
            Self::Ready(_) => "ready",
            Self::Failed(_) => "failed",
            Self::Gone(_) => "gone",
            Self::State(_) => "state",
            Self::Refreshed { .. } => "refreshed",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Expiring { .. } => "expiring",
            Self::Drain { .. } => "drain",
            Self::Error { .. } => "error",
        }
    }
}

/// The message that a state makes.
pub fn state_message<'a>(state: State, object: &'a StateObject<'a>) -> ServerMessage<'a> {
    match state {
        State::Ready => ServerMessage::Ready(object),
        State::Failed => ServerMessage::Failed(object),
        State::Gone => ServerMessage::Gone(object),
        State::Unknown | State::Queued | State::Downloading => ServerMessage::State(object),
    }
}

/// An event's message: encoded once, shared by all who are told.
pub fn event_text<'a>(event: &'a Event, base: &PublicUrl) -> &'a Utf8Bytes {
    let encode = || match (event.kind, event.status.progress) {
        (EventKind::Progress, Some(progress)) => {
            let (v, received, total) = (event.status.v, progress.received, progress.total);
            ServerMessage::Progress { sid: event.asked, v, received, total }.encode()
        }
        _ => ready::text(event.asked, &event.recording, &event.status, base).unwrap_or_else(|| {
            let object = StateObject::new(event.asked, &event.recording, &event.status, base);
            state_message(event.status.state, &object).encode()
        }),
    };
    event.encoded.get_or_init(encode)
}

/// The name of an event's message.
pub fn event_name(event: &Event) -> &'static str {
    match (event.kind, event.status.state) {
        (EventKind::Progress, _) => "progress",
        (_, State::Ready) => "ready",
        (_, State::Failed) => "failed",
        (_, State::Gone) => "gone",
        _ => "state",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_the_protocol_says() {
        let text = |message: ServerMessage<'_>| message.encode().to_string();
        assert_eq!(text(ServerMessage::Ping), r#"{"type":"ping"}"#);
        assert_eq!(
            text(ServerMessage::Welcome { epoch: "e", ping_ms: 25_000, max_sids: 256 }),
            r#"{"type":"welcome","epoch":"e","ping_ms":25000,"max_sids":256}"#
        );
        let refused = Subscribed::Refused { sid: "CA1", error: Refusal { code: "not_found", temporary: false } };
        assert_eq!(
            text(ServerMessage::Subscribed { id: 1, recordings: vec![refused] }),
            r#"{"type":"subscribed","id":1,"recordings":[{"sid":"CA1","error":{"code":"not_found","temporary":false}}]}"#
        );
    }

    #[test]
    fn watching_is_what_is_meant_where_nothing_is_said() {
        let message = serde_json::from_str(r#"{"type":"subscribe","id":1,"sids":[]}"#).unwrap();
        assert!(matches!(message, ClientMessage::Subscribe { intent: WireIntent::Watch, .. }));
        assert!(ClientMessage::read(r#" {"type":"pong"}"#).is_some());
        assert!(ClientMessage::read(r#"{"type":"shout"}"#).is_none());
        assert!(ClientMessage::read(r#"["refresh","token"]"#).is_none(), "a list is no message");
    }
}
