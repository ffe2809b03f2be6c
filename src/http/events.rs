//! Server-Sent Events: the sockets' messages for those who cannot open one. Each connection opens with the state of
//! every recording asked for, so that nothing is lost between two.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Stream};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::{Duration, Instant};

use super::app::App;
use super::caller::{Brought, Known, Peer, Standing, client_address, counted_address};
use super::deeds;
use super::limits::Held;
use super::problem::Problem;
use super::protocol::{Refusal, ServerMessage, StateObject, WireIntent, event_name, event_text, state_message};
use super::watching::{Watching, admitted, refusal};
use crate::auth::{Caller, LEEWAY};
use crate::catalog::CatalogError;
use crate::delivery::{DeliveryError, Watched};
use crate::recording::{Sid, Timestamp};
use crate::registry::{EventKind, Mailbox};
use crate::telemetry;

/// A comment is sent that often: proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream under way.
struct Listener {
    app: Arc<App>,
    mailbox: Arc<Mailbox>,
    watching: Watching,
    waiting: VecDeque<(&'static str, String)>,
    until: Instant,
    caller: Arc<Caller>,
    standing: Standing,
    over: bool,
    _places: (Option<Held<std::net::IpAddr>>, Box<dyn Send + Sync>),
}

/// Follows recordings as Server-Sent Events.
#[utoipa::path(get, path = "/api/recordings/events", tag = "push",
    params(("sid" = Vec<String>, Query, description = "Repeat it for several"), ("intent" = Option<WireIntent>, Query)),
    responses((status = 200, description = "welcome, then the state of each recording, then changes", content_type = "text/event-stream"),
        (status = 400, description = "bad_sid, bad_query"), (status = 404, description = "None of them exists"), (status = 429, description = "too_many_requests"),
        (status = 503, description = "catalog_unavailable")))]
pub async fn events(
    Known(caller): Known,
    Shared(app): Shared<Arc<App>>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (sids, intent) = asked(&uri)?;
    if sids.len() > app.limits.options.sids_per_socket {
        telemetry::limited("sids_per_socket");
        return Err(Problem::too_many_at_once("sids_per_socket"));
    }
    let too_many = |limit| move || Problem::too_many(limit, KEEP_ALIVE);
    let from = client_address(peer, &headers);
    let address = app.limits.socket_of_address(from).ok_or_else(too_many("sockets_per_address"))?;
    let user = app.limits.socket_of_user(&caller).ok_or_else(too_many("sockets_per_user"))?;
    let mailbox = Mailbox::new(2 * sids.len() as u32 + 16);
    let until = Instant::now() + caller.expires.plus(LEEWAY).since(Timestamp::now());
    let mut listener = Listener {
        mailbox: mailbox.clone(),
        watching: Watching::default(),
        waiting: VecDeque::with_capacity(sids.len() + 1),
        until,
        caller: caller.clone(),
        standing: Standing::new(app.clone(), Brought::by(&app, &headers)),
        over: false,
        _places: (Some(address), Box::new(user)),
        app: app.clone(),
    };
    let max_sids = app.limits.options.sids_per_socket;
    let ping_ms = KEEP_ALIVE.as_millis() as u64;
    let unknown = || CatalogError("the catalog has not come yet".into());
    let epoch = app.parts.catalog.epoch().ok_or_else(unknown)?;
    listener.say(&ServerMessage::Welcome { epoch, ping_ms, max_sids });
    // A play that is one too many in this minute is refused by itself; what is only watched is not counted.
    let counted = counted_address(peer, &headers);
    let (sids, refused) = admitted(&app, &caller, counted, intent.into(), sids).await;
    for (sid, Refusal { code, .. }) in &refused {
        let message = "a bound on downloads is reached";
        listener.say(&ServerMessage::Error { id: None, sid: Some(sid.as_str()), code, message });
    }
    let watched = app.parts.delivery.watch(&caller.scope, &sids, intent.into(), &mailbox).await;
    // A stream that could never tell anything: browsers stop asking after a 404.
    let unknown = |watched: &Result<Watched, DeliveryError>| matches!(watched, Err(DeliveryError::Unknown));
    for (sid, _) in sids.iter().zip(&watched).filter(|(_, watched)| unknown(watched)) {
        deeds::unknown(&app, &caller, *sid, from);
    }
    if !watched.is_empty() && watched.iter().all(unknown) {
        return Err(Problem::not_found());
    }
    for (asked, watched) in sids.into_iter().zip(watched) {
        match watched {
            Ok(watched) => {
                let seen = listener.watching.add(asked, watched, intent.into());
                let object = StateObject::new(asked, &seen.recording, &seen.status, &app.base);
                listener.say(&state_message(seen.status.state, &object));
            }
            Err(error) => {
                let code = refusal(&error).code;
                let message = "this recording cannot be watched";
                listener.say(&ServerMessage::Error { id: None, sid: Some(asked.as_str()), code, message });
            }
        }
    }
    let events = stream::unfold(listener, |mut listener| async move {
        let (name, text) = listener.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Sse::default().event(name).data(text)), listener))
    });
    let stream = Stream::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // A proxy that gathers the stream would keep `ready` from its listener.
    Ok(([("x-accel-buffering", "no"), ("cache-control", "no-store")], stream).into_response())
}

impl Listener {
    fn say(&mut self, message: &ServerMessage<'_>) {
        self.waiting.push_back((message.name(), message.encode().to_string()));
    }

    async fn next(&mut self) -> Option<(&'static str, String)> {
        loop {
            if let Some(next) = self.waiting.pop_front() {
                return Some(next);
            }
            if self.over {
                return None;
            }
            tokio::select! {
                inbox = self.mailbox.take() => {
                    for event in self.watching.news(inbox.events) {
                        self.watching.note(&event);
                        if event.kind == EventKind::State {
                            telemetry::pushed(event.status.state, event.at.elapsed());
                        }
                        let text = event_text(&event, &self.app.base);
                        self.waiting.push_back((event_name(&event), text.to_string()));
                    }
                    // It was too slow; opening anew, it gets the states of that moment.
                    self.over = inbox.overflowed;
                    if self.over {
                        telemetry::limited("slow_reader");
                    }
                }
                () = self.app.draining.cancelled() => {
                    self.say(&ServerMessage::Drain { reconnect_in_ms: rand::random_range(0..2000) });
                    self.over = true;
                }
                () = tokio::time::sleep_until(self.until) => self.dismiss(),
                verdict = self.standing.verdict() => {
                    if !verdict.is_ok_and(|caller| caller.scope == self.caller.scope) {
                        self.dismiss();
                    }
                }
            }
        }
    }

    /// Ends the stream: its listener is to say anew who it is.
    fn dismiss(&mut self) {
        let (code, message) = ("token_expired", "open the stream again with a new token");
        self.say(&ServerMessage::Error { id: None, sid: None, code, message });
        self.over = true;
    }
}

fn asked(uri: &Uri) -> Result<(Vec<Sid>, WireIntent), Problem> {
    let (mut sids, mut intent) = (Vec::new(), WireIntent::Watch);
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match (&*name, &*value) {
            ("sid", text) => {
                let sid = text.parse().map_err(|_| Problem::bad_sid())?;
                if !sids.contains(&sid) {
                    sids.push(sid);
                }
            }
            ("intent", "watch") => intent = WireIntent::Watch,
            ("intent", "play") => intent = WireIntent::Play,
            ("intent", _) => return Err(Problem::bad_request("bad_query", "intent is watch or play")),
            _ => {}
        }
    }
    if sids.is_empty() {
        return Err(Problem::bad_request("bad_query", "name at least one recording: ?sid=CA…"));
    }
    Ok((sids, intent))
}
