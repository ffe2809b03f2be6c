//! One socket's conversation.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use tokio::time::{Duration, Instant};
use tokio_tungstenite::tungstenite;

use super::clock::{Clock, Due, PING_EVERY};
use super::line::Desk;
use super::{Arrival, Close};
use crate::auth::{Caller, Denied};
use crate::delivery::{DeliveryError, Intent, Watched};
use crate::http::caller::{Brought, Refused, Standing};
use crate::http::deeds;
use crate::http::limits::Held;
use crate::http::protocol::{ClientMessage, Refusal, ServerMessage, StateObject, Subscribed, WireIntent, event_text};
use crate::http::watching::{admitted, refusal};
use crate::recording::Sid;
use crate::registry::{Inbox, Mailbox};
use crate::telemetry;

/// How long a client may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Sockets that leave a stopping server in a second, so that they do not all come back at once.
const LEAVING_PER_SECOND: u64 = 500;

/// A socket whose holder is known.
pub(super) struct Session {
    desk: Arc<Desk>,
    caller: Arc<Caller>,
    address: IpAddr,
    mailbox: Arc<Mailbox>,
    clock: Clock,
    from: Option<IpAddr>,
    standing: Standing,
    _places: Box<dyn Send + Sync>,
}

/// What woke the task.
enum Step {
    Heard(Option<Result<Message, axum::Error>>),
    News(Inbox),
    Time,
    /// Who it is, as is known now.
    Verdict(Result<Arc<Caller>, Denied>),
    Drain,
}

impl Session {
    /// Finds out who it is, and welcomes.
    pub async fn open(arrival: Box<Arrival>, socket: &mut WebSocket) -> Result<Box<Self>, Close> {
        let Arrival { app, speaks, brought, address, place, from, descriptor } = *arrival;
        if !speaks {
            return Err(Close::Subprotocol);
        }
        let place: Held<_> = place.ok_or(Close::Limit)?;
        let (caller, brought) = match (app.parts.auth.anyone(), brought) {
            (Some(anyone), _) => (anyone, None),
            (None, brought) => {
                let brought = match brought {
                    Some(brought) => brought,
                    None => Brought::Token(hello(socket).await?),
                };
                (brought.verify(&app, from).await?, Some(brought))
            }
        };
        let user = app.limits.socket_of_user(&caller).ok_or(Close::Limit)?;
        let max_sids = app.limits.options.sids_per_socket;
        let ping_ms = PING_EVERY.as_millis() as u64;
        let epoch = app.parts.catalog.epoch().ok_or(Close::Internal)?;
        let welcome = ServerMessage::Welcome { epoch, ping_ms, max_sids }.encode();
        let standing = Standing::new(app.clone(), brought);
        let desk = Desk::new(app, descriptor);
        desk.send(socket, std::iter::once(welcome)).await?;
        let mailbox = Mailbox::with_line(2 * max_sids as u32 + 64, desk.clone());
        let clock = Clock::start(&caller);
        let places = Box::new((place, user));
        Ok(Box::new(Self { desk, caller, address, mailbox, clock, from, standing, _places: places }))
    }

    /// Talks until one side has had enough. Arguments of an `async fn` would take their room twice, for as long as the socket lives.
    #[expect(clippy::manual_async_fn, reason = "see above")]
    pub fn run(&mut self, socket: &mut WebSocket) -> impl Future<Output = Close> + Send {
        async move {
            loop {
                let line = self.mailbox.open_line();
                let step = tokio::select! {
                    message = socket.recv() => Step::Heard(message),
                    inbox = self.mailbox.take() => Step::News(inbox),
                    () = tokio::time::sleep_until(self.clock.next()) => Step::Time,
                    verdict = self.standing.verdict() => Step::Verdict(verdict),
                    () = self.desk.app.draining.cancelled(), if !self.clock.is_leaving() => Step::Drain,
                };
                drop(line);
                if let Err(close) = Box::pin(self.step(step, socket)).await {
                    return close;
                }
            }
        }
    }

    async fn say(&self, socket: &mut WebSocket, message: ServerMessage<'_>) -> Result<(), Close> {
        self.desk.send(socket, std::iter::once(message.encode())).await
    }

    async fn step(&mut self, step: Step, socket: &mut WebSocket) -> Result<(), Close> {
        match step {
            Step::Heard(message) => self.hear(text(message)?, socket).await,
            Step::News(inbox) => self.push(inbox, socket).await,
            Step::Time => self.tick(socket).await,
            Step::Verdict(verdict) => self.is_now(verdict?),
            Step::Drain => {
                let spread = self.desk.app.sockets.load(Ordering::Relaxed) * 1000 / LEAVING_PER_SECOND;
                let most = self.desk.app.options.shutdown_grace.as_millis() as u64 * 4 / 5;
                let reconnect_in_ms = rand::random_range(0..=spread.min(most));
                self.clock.leave_after(Duration::from_millis(reconnect_in_ms));
                self.say(socket, ServerMessage::Drain { reconnect_in_ms }).await
            }
        }
    }

    async fn hear(&mut self, text: Option<Utf8Bytes>, socket: &mut WebSocket) -> Result<(), Close> {
        let Some(text) = text else {
            // The library's own answer must be out before others write to the connection.
            return self.desk.send(socket, std::iter::empty()).await;
        };
        match ClientMessage::read(&text).ok_or(Close::BadMessage)? {
            ClientMessage::Subscribe { id, sids, intent } => {
                self.desk.app.limits.request(Some(&self.caller), self.from).map_err(|_| Close::Limit)?;
                let app = self.desk.app.clone();
                let _turn = app.limits.turn().await;
                // Large, and therefore made only when it is its turn.
                Box::pin(self.subscribe(id, &sids, intent, socket)).await
            }
            ClientMessage::Unsubscribe { id, sids } => {
                for sid in sids.iter().filter_map(|sid| sid.parse().ok()) {
                    self.desk.watching().forget(sid);
                }
                self.say(socket, ServerMessage::Unsubscribed { id }).await
            }
            // Large as well, and rare.
            ClientMessage::Refresh { token } => Box::pin(self.refresh(&token, socket)).await,
            ClientMessage::Ping {} => self.say(socket, ServerMessage::Pong).await,
            ClientMessage::Pong {} => {
                self.clock.pong();
                Ok(())
            }
            ClientMessage::Hello { .. } => Err(Close::BadMessage),
        }
    }

    async fn subscribe(
        &mut self,
        id: u64,
        texts: &[String],
        wire: WireIntent,
        socket: &mut WebSocket,
    ) -> Result<(), Close> {
        let intent = Intent::from(wire);
        let parsed: Vec<Result<Sid, ()>> = texts.iter().map(|text| text.parse().map_err(|_| ())).collect();
        let mut sids: Vec<Sid> = Vec::with_capacity(parsed.len());
        for sid in parsed.iter().flatten() {
            if !sids.contains(sid) {
                sids.push(*sid);
            }
        }
        let (watched, new) = {
            let watching = self.desk.watching();
            (watching.len(), sids.iter().filter(|sid| !watching.has(**sid)).count())
        };
        if watched + new > self.desk.app.limits.options.sids_per_socket {
            telemetry::limited("sids_per_socket");
            return Err(Close::Limit);
        }
        // A play that is one too many is refused by itself.
        let (sids, refused) = admitted(&self.desk.app, &self.caller, self.from, intent, sids).await;
        let watched = self.desk.app.parts.delivery.watch(&self.caller.scope, &sids, intent, &self.mailbox).await;
        let mut watched: Vec<(Sid, Result<Watched, DeliveryError>)> = sids.into_iter().zip(watched).collect();
        let mut seen = Vec::with_capacity(texts.len());
        for (text, sid) in texts.iter().zip(parsed) {
            let refuse = |code, temporary| Err((text.as_str(), Refusal { code, temporary }));
            let Ok(sid) = sid else {
                seen.push(refuse("bad_sid", false));
                continue;
            };
            let at = watched.iter().position(|(asked, _)| *asked == sid);
            match at.map(|at| watched.swap_remove(at).1) {
                Some(Ok(watched)) => seen.push(Ok((sid, self.desk.watching().add(sid, watched, intent)))),
                Some(Err(error)) => {
                    if matches!(error, DeliveryError::Unknown) {
                        deeds::unknown(&self.desk.app, &self.caller, sid, self.address);
                    }
                    seen.push(Err((text.as_str(), refusal(&error))));
                }
                // Else the second of the same name in one message.
                None => {
                    let refused = refused.iter().find(|(asked, _)| *asked == sid);
                    seen.extend(refused.map(|(_, refusal)| Err((text.as_str(), *refusal))));
                }
            }
        }
        let recordings = seen.iter().map(|seen| match seen {
            Ok((sid, seen)) => {
                Subscribed::State(Box::new(StateObject::new(*sid, &seen.recording, &seen.status, &self.desk.app.base)))
            }
            Err((sid, error)) => Subscribed::Refused { sid, error: *error },
        });
        self.say(socket, ServerMessage::Subscribed { id, recordings: recordings.collect() }).await
    }

    async fn refresh(&mut self, token: &str, socket: &mut WebSocket) -> Result<(), Close> {
        let brought = Brought::Token(token.to_owned());
        let caller = brought.verify(&self.desk.app, self.from).await?;
        self.is_now(caller)?;
        self.clock.renew(&self.caller);
        self.standing = Standing::new(self.desk.app.clone(), Some(brought));
        self.say(socket, ServerMessage::Refreshed { expires_at: self.caller.expires }).await
    }

    /// What was subscribed to belongs to one tenant: whoever is another's now begins anew.
    fn is_now(&mut self, caller: Arc<Caller>) -> Result<(), Close> {
        if caller.scope != self.caller.scope {
            return Err(Close::Forbidden);
        }
        self.caller = caller;
        Ok(())
    }

    async fn push(&mut self, inbox: Inbox, socket: &mut WebSocket) -> Result<(), Close> {
        if inbox.overflowed {
            return Err(Close::TooSlow);
        }
        let wanted = self.desk.watching().news(inbox.events);
        self.desk.send(socket, wanted.iter().map(|event| event_text(event, &self.desk.app.base).clone())).await?;
        let now = Instant::now();
        let mut watching = self.desk.watching();
        for event in &wanted {
            self.desk.told(&mut watching, event, now);
        }
        Ok(())
    }

    async fn tick(&mut self, socket: &mut WebSocket) -> Result<(), Close> {
        match self.clock.due() {
            Some(Due::Ping) => self.say(socket, ServerMessage::Ping).await,
            Some(Due::Expiring(left)) => {
                self.say(socket, ServerMessage::Expiring { in_ms: left.as_millis() as u64 }).await
            }
            Some(Due::NoPong) => Err(Close::NoPong),
            Some(Due::Expired) => Err(Close::Token),
            Some(Due::Leave) => Err(Close::Draining),
            None => Ok(()),
        }
    }
}

impl Drop for Session {
    /// The mailbox, which the wait map holds, holds the desk: it must not hold its own subscriptions.
    fn drop(&mut self) {
        let watched = std::mem::take(&mut *self.desk.watching());
        drop(watched);
    }
}

impl From<Refused> for Close {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied(denied) => denied.into(),
            Refused::TooOften(_) => Self::Limit,
        }
    }
}

/// The token of the `hello` that must come first.
async fn hello(socket: &mut WebSocket) -> Result<String, Close> {
    let first = async {
        loop {
            if let Some(text) = text(socket.recv().await)? {
                return match ClientMessage::read(&text) {
                    Some(ClientMessage::Hello { token }) => Ok(token),
                    Some(_) | None => Err(Close::BadMessage),
                };
            }
        }
    };
    tokio::time::timeout(HELLO_WITHIN, first).await.unwrap_or(Err(Close::NoHello))
}

/// The text of a frame; `None` for a frame that the library answers by itself.
fn text(message: Option<Result<Message, axum::Error>>) -> Result<Option<Utf8Bytes>, Close> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Binary(_))) => Err(Close::BadMessage),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        // A peer's own codes would be labels without end.
        Some(Ok(Message::Close(frame))) => {
            let code = frame.map(|frame| frame.code).filter(|code| matches!(code, 1000 | 1001));
            Err(Close::ByPeer(code.unwrap_or(1005)))
        }
        Some(Err(error)) => Err(broken(&error)),
        None => Err(Close::ByPeer(1006)),
    }
}

/// What a frame that cannot be read means.
fn broken(error: &axum::Error) -> Close {
    use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    match std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<tungstenite::Error>()) {
        Some(tungstenite::Error::Capacity(_)) => Close::TooLarge,
        Some(tungstenite::Error::Protocol(ResetWithoutClosingHandshake)) => Close::ByPeer(1006),
        Some(tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) => Close::BadMessage,
        _ => Close::ByPeer(1006),
    }
}
