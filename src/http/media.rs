//! A recording's bytes: conditional and range requests (RFC 9110 §13, §14), and what is said until it has landed.

mod at_hand;
mod body;
mod headers;
mod patience;
pub mod peaks;
mod pending;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::app::App;
use super::caller::{Asking, identify_for};
use super::problem::Problem;
use crate::delivery::Opened;
use crate::range::{Outcome, Plan};
use crate::recording::{Media, Scope, Sid};
use crate::telemetry;

pub use at_hand::AtHand;
use body::Source;
pub use headers::Disposition;
pub use pending::Processing;
use pending::{Awaited, processing};

/// The path of the route for listening, as metrics name it; the SID follows it.
pub const FILE: &str = "/api/recordings/file/";

/// Fields of an answer with bytes, those of the layers around included.
const MOST_FIELDS: usize = 16;

/// Listens to a recording.
///
/// 200, 206, 304, 412 or 416 once it has landed, and while it lands, when it is known how long it will be: then bytes come as they land.
/// Until then 202, and a GET sees to the download.
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
        Ok(Answer::Landed(response, bytes)) => ("hit", bytes, response),
        Ok(Answer::Landing(response, bytes)) => ("landing", bytes, response),
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
    Landed(Response, u64),
    /// The same of one that was on its way when it was asked for.
    Landing(Response, u64),
    /// It is on its way.
    Later(Response),
}

async fn respond(app: &Arc<App>, sid: &str, asking: &Asking, disposition: Disposition) -> Result<Answer, Problem> {
    let Asking { method, headers, from, .. } = asking;
    // What lies open needs no look into the catalog: it is served however many others are in hand.
    let lies_open = sid.parse().is_ok_and(|sid| app.parts.delivery.at_hand(&Scope::Every, sid).is_some());
    let place = match lies_open {
        true => None,
        false => Some(app.limits.in_hand().ok_or_else(|| Problem::overloaded("requests_at_once"))?),
    };
    let (caller, sid) = identify_for(app, disposition.purpose(), sid, asking).await?;
    let is_get = *method == Method::GET;
    let seen = match app.parts.delivery.open(&caller.scope, sid).await {
        Ok(Opened::File(shelved)) => {
            let source = Source::Landed(shelved);
            let (response, bytes) = bytes_answer(app, sid, source, is_get, headers, disposition).await?;
            return Ok(Answer::Landed(response, bytes));
        }
        Ok(Opened::Not(seen)) => Ok(seen),
        Err(error) => Err(error),
    };
    // Only what has landed may be asked for without end.
    app.limits.request(Some(&caller), *from)?;
    match pending::wait(app, sid, asking, disposition, &caller, seen?, place).await? {
        Awaited::Source(source) => {
            let (response, bytes) = bytes_answer(app, sid, source, is_get, headers, disposition).await?;
            Ok(Answer::Landing(response, bytes))
        }
        Awaited::Later(state) => Ok(Answer::Later(processing(sid, state))),
    }
}

/// The recording's bytes, or some of them, where their shape is known.
async fn bytes_answer(
    app: &App,
    asked: Sid,
    source: Source,
    is_get: bool,
    request: &HeaderMap,
    disposition: Disposition,
) -> Result<(Response, u64), Problem> {
    let of = source.representation();
    let Media { size, container, .. } = of.media;
    let mut fields = HeaderMap::with_capacity(MOST_FIELDS);
    headers::describe(&mut fields, app, asked, &of, disposition);
    let outcome = headers::preconditions(request, of.validators);
    let plan = match outcome {
        Outcome::Failed => return Err(Problem::precondition_failed()),
        Outcome::NotModified => return Ok(((StatusCode::NOT_MODIFIED, fields).into_response(), 0)),
        // Range is defined for GET alone (§14.2).
        Outcome::Proceed | Outcome::IgnoreRange if is_get => headers::plan(request, outcome, size),
        Outcome::Proceed | Outcome::IgnoreRange => Plan::Whole,
    };
    let (status, kind, content_range, length, body) = match plan {
        Plan::Unsatisfiable => return Err(Problem::range_not_satisfiable(size)),
        Plan::Whole if !is_get => (StatusCode::OK, None, None, size, Body::empty()),
        Plan::Whole => (StatusCode::OK, None, None, size, body::bytes(source, 0..size).await?),
        Plan::One(range) => {
            let length = range.end - range.start;
            let content_range = headers::content_range(&range, size);
            (StatusCode::PARTIAL_CONTENT, None, Some(content_range), length, body::bytes(source, range).await?)
        }
        Plan::Many(ranges) => {
            let (kind, length, body) = body::multipart(source, ranges);
            (StatusCode::PARTIAL_CONTENT, Some(kind), None, length, body)
        }
    };
    fields.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static(container.content_type())));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(content_range) = content_range {
        fields.insert(CONTENT_RANGE, content_range);
    }
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, fields);
    Ok((response, if is_get { length } else { 0 }))
}
