//! A recording that has not landed: seen to, waited for, sent as it comes; and what is said while there is nothing to send.

use std::sync::Arc;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::SemaphorePermit;
use tokio::time::{Duration, Instant};

use super::body::Source;
use super::headers::Disposition;
use super::patience::patience;
use crate::auth::Caller;
use crate::delivery::{Intent, Opened, Seen, Waited};
use crate::http::app::App;
use crate::http::caller::Asking;
use crate::http::problem::Problem;
use crate::recording::{Code, Sid, State};

/// When a client that does not wait should ask again; those that hold a socket need not.
const RETRY_SECONDS: u64 = 2;
/// Downloads are held so long when nothing else is asked for: a browser's download cannot ask again.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(60);

/// On its way: the answer until a recording has landed.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Processing {
    /// Always `processing`.
    status: &'static str,
    /// `unknown`, `queued` or `downloading`.
    state: &'static str,
    /// The recording.
    #[schema(value_type = String)]
    sid: Sid,
    /// What an agent reads, in English.
    message: &'static str,
    /// What an agent reads, in Hebrew.
    message_he: &'static str,
}

/// What a wait came to.
pub(super) enum Awaited {
    /// Bytes.
    Source(Source),
    /// It is still on its way, or nobody has asked for it.
    Later(State),
}

/// Sees to the download where that is wanted, and waits for as long as the client is willing to. Who is held gives
/// back the place of a request `in_hand`.
pub(super) async fn wait(
    app: &Arc<App>,
    sid: Sid,
    asking: &Asking,
    disposition: Disposition,
    caller: &Caller,
    seen: Seen,
    in_hand: Option<SemaphorePermit<'_>>,
) -> Result<Awaited, Problem> {
    if seen.status.state == State::Gone {
        return Err(gone(&seen));
    }
    if seen.status.state == State::Downloading
        && !app.draining.is_cancelled()
        && let Some(following) = app.parts.delivery.follow(&caller.scope, sid).await?
    {
        // A HEAD waits for nothing more; one who finds no place is answered as if nothing had come.
        let waits = asking.method != Method::HEAD;
        let place = if waits { app.limits.wait() } else { None };
        if !waits || place.is_some() {
            return Ok(Awaited::Source(Source::Landing { following: following.into(), place }));
        }
    }
    let patience = match patience(&asking.uri, &asking.headers)? {
        None if disposition == Disposition::Attachment => DOWNLOAD_PATIENCE,
        asked => asked.unwrap_or_default(),
    };
    // A HEAD starts nothing: it is what a page sends for each row it draws. It waits for what others have started.
    let plays = asking.method == Method::GET || app.options.head_prepares;
    let is_pending = seen.status.state.is_pending();
    if !plays && (patience.is_zero() || !is_pending) {
        return later(&seen);
    }
    if !is_pending {
        app.admit_play(caller, asking.from).await?;
    }
    let intent = if plays { Intent::Play } else { Intent::Watch };
    if patience.is_zero() {
        let now = app.parts.delivery.play(&caller.scope, sid).await?;
        // A new try has begun, but who polls would never learn why the last one failed.
        let tried_again = now.status.state.is_pending() && failure(&seen).is_some();
        return landed_or_later(app, caller, sid, if tried_again { seen } else { now }).await;
    }
    // Who is held is counted there instead.
    drop(in_hand);
    let place = app.limits.wait().ok_or_else(|| Problem::overloaded("waiting_requests"))?;
    let deadline = Instant::now() + patience;
    loop {
        let patience = deadline.saturating_duration_since(Instant::now());
        let waited = tokio::select! {
            waited = app.parts.delivery.wait(&caller.scope, sid, intent, patience) => waited?,
            // A server that stops does not keep its clients: they may ask another.
            () = app.draining.cancelled() => Waited::Seen(app.parts.delivery.look_at(&caller.scope, sid).await?),
        };
        let now = match waited {
            Waited::Following(following) => {
                return Ok(Awaited::Source(Source::Landing { following, place: Some(place) }));
            }
            Waited::Seen(now) => now,
        };
        let was_ready = now.status.state == State::Ready;
        match landed_or_later(app, caller, sid, now).await? {
            // Taken away since, or before: the word of it came late. It is fetched anew.
            Awaited::Later(_) if was_ready && Instant::now() < deadline && !app.draining.is_cancelled() => {}
            awaited => return Ok(awaited),
        }
    }
}

/// The file, where it is ready and lies there; else what is told of it.
async fn landed_or_later(app: &App, caller: &Caller, sid: Sid, now: Seen) -> Result<Awaited, Problem> {
    if now.status.state != State::Ready {
        return later(&now);
    }
    match app.parts.delivery.open(&caller.scope, sid).await? {
        Opened::File(shelved) => Ok(Awaited::Source(Source::Landed(shelved))),
        Opened::Not(now) => later(&now),
    }
}

/// What is told of a recording that is not waited for any longer.
fn later(seen: &Seen) -> Result<Awaited, Problem> {
    match (seen.status.state, failure(seen)) {
        (State::Gone, _) => Err(gone(seen)),
        (_, Some(code)) => Err(Problem::because(code)),
        (state, None) => Ok(Awaited::Later(state)),
    }
}

/// Why the last try was the last one.
pub(super) fn failure(seen: &Seen) -> Option<Code> {
    (seen.status.state == State::Failed).then(|| seen.status.code.unwrap_or(Code::SourceFailed))
}

pub(super) fn gone(seen: &Seen) -> Problem {
    Problem::because(seen.status.code.unwrap_or(Code::DeletedAtSource))
}

/// 202, with the words for whoever waits in front of it.
pub(super) fn processing(sid: Sid, state: State) -> Response {
    on_its_way(sid, state, "The recording is being prepared.", "ההקלטה עדיין בתהליך הכנה.")
}

/// 202 with these words.
pub(super) fn on_its_way(sid: Sid, state: State, message: &'static str, message_he: &'static str) -> Response {
    let body = Processing { status: "processing", state: state.as_str(), sid, message, message_he };
    (StatusCode::ACCEPTED, [(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))], Json(body)).into_response()
}
