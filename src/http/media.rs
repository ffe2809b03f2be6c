//! A recording's bytes: conditional and range requests (RFC 9110 §13, §14), and what is said until it has landed.

mod at_hand;
mod body;
mod headers;
mod patience;
pub mod peaks;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::app::App;
use super::caller::{Asking, identify_for};
use super::problem::Problem;
use crate::delivery::{Opened, Seen, Shelved};
use crate::range::{Outcome, Plan};
use crate::recording::{Code, Scope, Sid, State};
use crate::telemetry;

pub use at_hand::AtHand;
pub use headers::Disposition;
use patience::patience;

/// The path of the route for listening, as metrics name it; the SID follows it.
pub const FILE: &str = "/api/recordings/file/";

/// When a client that does not wait should ask again; those that hold a socket need not.
const RETRY_SECONDS: u64 = 2;
/// Downloads are held so long when nothing else is asked for: a browser's download cannot ask again.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(60);

/// Fields of an answer with bytes, those of the layers around included.
const MOST_FIELDS: usize = 16;

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

/// Listens to a recording.
///
/// 200, 206, 304, 412 or 416 once it has landed. Until then 202, and a GET sees to the download.
#[utoipa::path(get, path = "/api/recordings/file/{sid}", tag = "media",
    params(("sid" = String, Path, description = "CA… or RE…"),
        ("wait" = Option<u32>, Query, description = "Hold the answer until it can be given, for at most so many seconds (60)"),
        ("purpose" = Option<String>, Query, description = "Of a signed link, like sub, exp, kid and sig"),
        ("sub" = Option<String>, Query), ("exp" = Option<String>, Query), ("kid" = Option<String>, Query), ("sig" = Option<String>, Query),
        ("range" = Option<String>, Header, description = "RFC 9110 §14"),
        ("if-range" = Option<String>, Header, description = "RFC 9110 §13.1.5")),
    responses((status = 200, description = "The whole recording", content_type = "audio/mpeg"),
        (status = 206, description = "Part of it, or several as multipart/byteranges"),
        (status = 202, description = "It is on its way", body = Processing),
        (status = 304, description = "Not modified"),
        (status = 401, description = "No or bad token"),
        (status = 403, description = "link_invalid, link_expired"), (status = 404, description = "No such recording"),
        (status = 410, description = "Gone: erased, expired, absent, deleted_at_source"),
        (status = 412, description = "A precondition failed"), (status = 416, description = "No byte of the range exists"),
        (status = 502, description = "The last try failed: source_unauthorized, source_failed"),
        (status = 503, description = "volume_unavailable, disk_full, catalog_unavailable, queue_unavailable, overloaded")))]
pub async fn file(Shared(app): Shared<Arc<App>>, Path(sid): Path<String>, asking: Asking) -> Response {
    answer(&app, &sid, &asking, Disposition::Inline).await
}

/// Downloads a recording as a file. Held up to a minute until it has landed.
#[utoipa::path(get, path = "/api/calls/{sid}/download", tag = "media",
    params(("sid" = String, Path, description = "CA… or RE…"),
        ("purpose" = Option<String>, Query, description = "Of a signed link, like sub, exp, kid and sig"),
        ("sub" = Option<String>, Query), ("exp" = Option<String>, Query), ("kid" = Option<String>, Query), ("sig" = Option<String>, Query)),
    responses((status = 200, description = "The recording as an attachment", content_type = "audio/mpeg"),
        (status = 403, description = "link_invalid, link_expired"),
        (status = 202, description = "It takes longer than a minute", body = Processing),
        (status = 404, description = "No such recording"), (status = 410, description = "Gone")))]
pub async fn download(Shared(app): Shared<Arc<App>>, Path(sid): Path<String>, asking: Asking) -> Response {
    answer(&app, &sid, &asking, Disposition::Attachment).await
}

/// Answers for a recording's bytes, and counts what became of the request.
async fn answer(app: &Arc<App>, sid: &str, asking: &Asking, disposition: Disposition) -> Response {
    let begun = Instant::now();
    let outcome = respond(app, sid, asking, disposition).await;
    let (result, bytes, mut response) = match outcome {
        Ok(Answer::Bytes(response, bytes)) => ("hit", bytes, response),
        Ok(Answer::Later(response)) => ("miss", 0, response),
        Err(problem) => {
            let response = problem.into_response();
            let result = match response.status() {
                StatusCode::GONE => "gone",
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => "denied",
                StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => "hit",
                _ => "miss",
            };
            (result, 0, response)
        }
    };
    headers::keep_secret(response.headers_mut());
    telemetry::media_request(result, disposition.route(), bytes, begun.elapsed());
    response
}

enum Answer {
    /// The recording, or that the client holds it already; and the bytes that were promised.
    Bytes(Response, u64),
    /// It is on its way.
    Later(Response),
}

async fn respond(app: &Arc<App>, sid: &str, asking: &Asking, disposition: Disposition) -> Result<Answer, Problem> {
    let Asking { method, uri, headers, from, .. } = asking;
    let from = *from;
    // What lies open needs no look into the catalog: it is served however many others are in hand.
    let lies_open = sid.parse().is_ok_and(|sid| app.parts.delivery.at_hand(&Scope::Every, sid).is_some());
    let place = match lies_open {
        true => None,
        false => Some(app.limits.in_hand().ok_or_else(|| Problem::overloaded("requests_at_once"))?),
    };
    let (caller, sid) = identify_for(app, disposition.purpose(), sid, asking).await?;
    let is_get = *method == Method::GET;
    let seen = match app.parts.delivery.open(&caller.scope, sid).await {
        Ok(Opened::File(shelved)) => return file_answer(app, sid, &shelved, is_get, headers, disposition).await,
        Ok(Opened::Not(seen)) => Ok(seen),
        Err(error) => Err(error),
    };
    // Only what has landed may be asked for without end.
    app.limits.request(Some(&caller), from)?;
    let seen = seen?;
    if seen.status.state == State::Gone {
        return Err(gone(&seen));
    }
    // A HEAD starts nothing: it is what a page sends for each row it draws.
    if !is_get && !app.options.head_prepares {
        return match failure(&seen) {
            Some(code) => Err(Problem::because(code)),
            None => Ok(Answer::Later(processing(sid, seen.status.state))),
        };
    }
    let patience = match patience(uri, headers)? {
        None if disposition == Disposition::Attachment && is_get => DOWNLOAD_PATIENCE,
        asked => asked.unwrap_or_default(),
    };
    if !seen.status.state.is_pending() {
        app.admit_play(&caller, from).await?;
    }
    let deadline = Instant::now() + patience;
    let mut place = place;
    let seen = loop {
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
                seen = app.parts.delivery.play_and_wait(&caller.scope, sid, patience) => seen?,
                // A server that stops does not keep its clients: they may ask another.
                () = app.draining.cancelled() => app.parts.delivery.look_at(&caller.scope, sid).await?,
            }
        };
        if now.status.state != State::Ready {
            break now;
        }
        match app.parts.delivery.open(&caller.scope, sid).await? {
            Opened::File(shelved) => return file_answer(app, sid, &shelved, is_get, headers, disposition).await,
            // Taken away since, or before: the word of it came late. It is fetched anew.
            Opened::Not(now) if Instant::now() >= deadline || app.draining.is_cancelled() => break now,
            Opened::Not(_) => {}
        }
    };
    drop(place);
    match (seen.status.state, failure(&seen)) {
        (State::Gone, _) => Err(gone(&seen)),
        (_, Some(code)) => Err(Problem::because(code)),
        (state, None) => Ok(Answer::Later(processing(sid, state))),
    }
}

/// Why the last try was the last one.
fn failure(seen: &Seen) -> Option<Code> {
    (seen.status.state == State::Failed).then(|| seen.status.code.unwrap_or(Code::SourceFailed))
}

fn gone(seen: &Seen) -> Problem {
    Problem::because(seen.status.code.unwrap_or(Code::DeletedAtSource))
}

/// 202, with the words for whoever waits in front of it.
pub fn processing(sid: Sid, state: State) -> Response {
    let (message, message_he) = ("The recording is being prepared.", "ההקלטה עדיין בתהליך הכנה.");
    let body = Processing { status: "processing", state: state.as_str(), sid, message, message_he };
    (StatusCode::ACCEPTED, [(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))], Json(body)).into_response()
}

/// The answer once the recording has landed.
async fn file_answer(
    app: &App,
    asked: Sid,
    shelved: &Arc<Shelved>,
    is_get: bool,
    request: &HeaderMap,
    disposition: Disposition,
) -> Result<Answer, Problem> {
    let size = shelved.media.size;
    let outcome = headers::preconditions(request, shelved.validators());
    let plan = match outcome {
        Outcome::Failed => return Err(Problem::precondition_failed()),
        Outcome::NotModified => {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            headers::describe(response.headers_mut(), app, asked, shelved, disposition);
            return Ok(Answer::Bytes(response, 0));
        }
        // Range is defined for GET alone (§14.2).
        Outcome::Proceed | Outcome::IgnoreRange if is_get => headers::plan(request, outcome, size),
        Outcome::Proceed | Outcome::IgnoreRange => Plan::Whole,
    };
    let container = shelved.media.container;
    let (status, kind, content_range, length, body) = match plan {
        Plan::Unsatisfiable => return Err(Problem::range_not_satisfiable(size)),
        Plan::Whole if !is_get => (StatusCode::OK, None, None, size, Body::empty()),
        Plan::Whole => (StatusCode::OK, None, None, size, body::bytes(shelved, 0..size).await?),
        Plan::One(range) => {
            let length = range.end - range.start;
            let content_range = headers::content_range(&range, size);
            (StatusCode::PARTIAL_CONTENT, None, Some(content_range), length, body::bytes(shelved, range).await?)
        }
        Plan::Many(ranges) => {
            let (kind, length, body) = body::multipart(shelved, ranges, container);
            (StatusCode::PARTIAL_CONTENT, Some(kind), None, length, body)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.reserve(MOST_FIELDS);
    headers::describe(fields, app, asked, shelved, disposition);
    fields.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static(container.content_type())));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(content_range) = content_range {
        fields.insert(CONTENT_RANGE, content_range);
    }
    Ok(Answer::Bytes(response, if is_get { length } else { 0 }))
}
