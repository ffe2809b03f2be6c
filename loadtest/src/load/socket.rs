//! A WebSocket client that checks what it is pushed: versions grow, and nothing comes that was not subscribed. Knows no scenario.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::context::Context;
use super::findings::Violation;
use super::meter::{Metric, bump};

/// Thousands of sockets are open at once, and messages are short.
const READ_BUFFER: usize = 4096;

/// Why a socket is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The server closed it with this code; 1006 without one.
    Closed(u16),
    /// No TCP connection.
    Refused,
    /// No upgrade.
    NoUpgrade,
    /// An answer did not come in time.
    Late,
}

impl Lost {
    /// For the counts of errors.
    pub(super) fn text(self) -> String {
        match self {
            Self::Closed(code) => format!("socket closed with {code}"),
            Self::Refused => "no connection".to_owned(),
            Self::NoUpgrade => "no WebSocket upgrade".to_owned(),
            Self::Late => "no answer on a socket in time".to_owned(),
        }
    }
}

/// A recording as a message tells it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct State {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    pub(super) sid: String,
    #[serde(default)]
    v: u64,
    #[serde(default)]
    state: String,
    error: Option<serde_json::Value>,
    #[serde(default)]
    recordings: Vec<State>,
}

impl State {
    /// Whether it can be heard.
    pub(super) fn ready(&self) -> bool {
        self.state == "ready"
    }

    /// Whether the wait is over without it.
    pub(super) fn ended(&self) -> bool {
        self.state == "failed" || self.state == "gone"
    }

    /// Whether it does not exist for this listener.
    pub(super) fn refused(&self) -> bool {
        self.error.is_some()
    }
}

/// An open socket.
pub(super) struct Socket {
    stream: WebSocketStream<TcpStream>,
    versions: HashMap<String, u64>,
    early: VecDeque<State>,
}

impl Socket {
    /// Connects, and waits for `welcome`; timed from `intended`.
    pub(super) async fn open(context: &Context, token: &str, intended: Instant) -> Result<Self, Lost> {
        timeout(context.plan.load.patience, Self::connect(context, token, intended)).await.map_err(|_| Lost::Late)?
    }

    async fn connect(context: &Context, token: &str, intended: Instant) -> Result<Self, Lost> {
        let tcp = TcpStream::connect(context.target.address).await.map_err(|_| Lost::Refused)?;
        tcp.set_nodelay(true).map_err(|_| Lost::Refused)?;
        let url = format!("ws://{}/ws/recordings", context.target.host());
        let mut request = url.into_client_request().map_err(|_| Lost::NoUpgrade)?;
        let protocols = format!("landfall.v1, landfall.bearer.{token}").parse().map_err(|_| Lost::NoUpgrade)?;
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (stream, _) = client_async_with_config(request, tcp, Some(config)).await.map_err(|_| Lost::NoUpgrade)?;
        let mut socket = Self { stream, versions: HashMap::new(), early: VecDeque::new() };
        loop {
            if socket.read().await?.kind == "welcome" {
                context.meter.record(Metric::Connect, intended.elapsed());
                return Ok(socket);
            }
        }
    }

    /// Subscribes; the states of that moment.
    pub(super) async fn subscribe(
        &mut self,
        context: &Context,
        sids: &[&str],
        intent: &str,
    ) -> Result<Vec<State>, Lost> {
        let asked = Instant::now();
        let states = timeout(context.plan.load.patience, self.ask(context, sids, intent)).await;
        let states = states.map_err(|_| Lost::Late)??;
        context.meter.record(Metric::Subscribe, asked.elapsed());
        Ok(states)
    }

    async fn ask(&mut self, context: &Context, sids: &[&str], intent: &str) -> Result<Vec<State>, Lost> {
        for sid in sids {
            self.versions.entry((*sid).to_owned()).or_default();
        }
        let message = json!({"type": "subscribe", "id": 1, "sids": sids, "intent": intent}).to_string();
        self.stream.send(Message::text(message)).await.map_err(|_| Lost::Closed(1006))?;
        loop {
            let message = self.read().await?;
            match message.kind.as_str() {
                "subscribed" => {
                    for state in &message.recordings {
                        if let Some(v) = self.versions.get_mut(&state.sid) {
                            *v = state.v.max(*v);
                        }
                    }
                    return Ok(message.recordings);
                }
                // Only there when something was refused; the connection is closed, or the answer never comes.
                "error" => return Err(Lost::Late),
                _ => {
                    if let Some(state) = self.checked(context, message) {
                        self.early.push_back(state);
                    }
                }
            }
        }
    }

    /// The next change that was pushed. Waits for ever: whoever calls it has a deadline.
    pub(super) async fn next(&mut self, context: &Context) -> Result<State, Lost> {
        loop {
            if let Some(state) = self.early.pop_front() {
                return Ok(state);
            }
            let message = self.read().await?;
            if let Some(state) = self.checked(context, message) {
                return Ok(state);
            }
        }
    }

    /// A pushed change, held against what came before; none for other messages.
    fn checked(&mut self, context: &Context, message: State) -> Option<State> {
        if !matches!(message.kind.as_str(), "ready" | "failed" | "gone" | "state") {
            return None;
        }
        bump(&context.meter.counts.pushes);
        let Some(last) = self.versions.get_mut(&message.sid) else {
            context.findings.violation(Violation::Leaked, format!("{} was pushed unasked", message.sid));
            return None;
        };
        if message.v <= *last {
            let what = format!("{} {} has v {} after {last}", message.sid, message.kind, message.v);
            context.findings.violation(Violation::Doubled, what);
        }
        *last = message.v.max(*last);
        if message.kind == "ready" {
            context.landings.heard(&message.sid, Instant::now(), &context.meter);
        }
        Some(message)
    }

    /// Listens for `patience` more and drops what comes, once it was checked: doubled pushes show only after the first.
    pub(super) async fn linger(&mut self, context: &Context, patience: Duration) {
        let _ = timeout(patience, async { while self.next(context).await.is_ok() {} }).await;
    }

    /// Leaves as a page does that is closed.
    pub(super) async fn leave(mut self) {
        let _ = timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }

    async fn read(&mut self) -> Result<State, Lost> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: State = serde_json::from_str(&text).map_err(|_| Lost::Closed(1007))?;
                    if message.kind != "ping" {
                        return Ok(message);
                    }
                    let pong = Message::text(r#"{"type":"pong"}"#);
                    self.stream.send(pong).await.map_err(|_| Lost::Closed(1006))?;
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(Lost::Closed(frame.map_or(1005, |frame| u16::from(frame.code))));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Lost::Closed(1006)),
            }
        }
    }
}
