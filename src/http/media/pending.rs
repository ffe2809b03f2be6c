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
use crate::delivery::{Intent, Opened, Seen, Until};
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

/// Sees to the download where that is wanted, and waits for as long as the client is willing to. `place` is that of a request in hand,
/// which who is held gives back.
pub(super) async fn wait(
    app: &Arc<App>,
    sid: Sid,
    asking: &Asking,
    disposition: Disposition,
    caller: &Caller,
    seen: Seen,
    mut place: Option<SemaphorePermit<'_>>,
) -> Result<Awaited, Problem> {
    if seen.status.state == State::Gone {
        return Err(gone(&seen));
    }
    if seen.status.state == State::Downloading
        && let Some(source) = follow(app, caller, sid).await?
    {
        return Ok(Awaited::Source(source));
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
    let (deadline, mut until) = (Instant::now() + patience, Until::CanBeFollowed);
    loop {
        let now = if patience.is_zero() {
            let now = app.parts.delivery.play(&caller.scope, sid).await?;
            // A new try has begun, but who polls would never learn why the last one failed.
            if now.status.state.is_pending() && failure(&seen).is_some() { seen.clone() } else { now }
        } else {
            // Who is held is counted there instead.
            drop(place.take());
            let _place = app.limits.wait().ok_or_else(|| Problem::overloaded("waiting_requests"))?;
            let patience = deadline.saturating_duration_since(Instant::now());
            tokio::select! {
                seen = app.parts.delivery.wait(&caller.scope, sid, intent, until, patience) => seen?,
                // A server that stops does not keep its clients: they may ask another.
                () = app.draining.cancelled() => app.parts.delivery.look_at(&caller.scope, sid).await?,
            }
        };
        let is_over = Instant::now() >= deadline || app.draining.is_cancelled();
        match now.status.state {
            State::Ready => match app.parts.delivery.open(&caller.scope, sid).await? {
                Opened::File(shelved) => return Ok(Awaited::Source(Source::Landed(shelved))),
                // Taken away since, or before: the word of it came late. It is fetched anew.
                Opened::Not(now) if is_over => return later(&now),
                Opened::Not(_) => {}
            },
            State::Downloading if !is_over => match follow(app, caller, sid).await? {
                Some(source) => return Ok(Awaited::Source(source)),
                // It says no more of its shape than that it comes.
                None => until = Until::Settled,
            },
            _ => return later(&now),
        }
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

/// What has come so far of a recording that is on its way, where its shape can be told. It takes the place of one who waits.
async fn follow(app: &App, caller: &Caller, sid: Sid) -> Result<Option<Source>, Problem> {
    let Some(following) = app.parts.delivery.follow(&caller.scope, sid).await? else { return Ok(None) };
    let place = app.limits.wait().ok_or_else(|| Problem::overloaded("waiting_requests"))?;
    Ok(Some(Source::Landing { following: following.into(), _place: place }))
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
