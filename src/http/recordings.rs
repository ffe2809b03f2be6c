//! States, lists and orders: everything about recordings but their bytes.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::caller::{Known, Peer, counted_address};
use super::problem::Problem;
use super::protocol::StateObject;
use crate::catalog::{CatalogError, Cursor, ListQuery};
use crate::delivery::DeliveryError;
use crate::recording::{Code, Sid, State, Timestamp};

/// Entries of a page, when nothing is asked for, and at the most.
const PAGE: usize = 50;
const MOST_PAGE: usize = 200;
/// Longest search text, in bytes.
const MOST_TEXT: usize = 200;

/// What a page of a list asks for.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries of a page: 1 to 200, 50 if absent.
    #[param(value_type = Option<usize>)]
    limit: Option<String>,
    /// Only those in this state.
    state: Option<String>,
    /// Only those with this text in number, title or SID.
    q: Option<String>,
}

/// A page of the tenant's calls, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct List<'a> {
    /// Their states.
    items: Vec<StateObject<'a>>,
    /// Where the next page begins; `null` after the last. A search may give short pages before that.
    next_cursor: Option<String>,
}

/// A recording that is ready, as the answer to `prepare`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Prepared<'a> {
    /// `ready` or `processing`.
    status: &'static str,
    #[serde(flatten)]
    recording: StateObject<'a>,
    /// What an agent reads while it is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    /// The same in Hebrew.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_he: Option<&'static str>,
}

/// The state of a recording.
#[utoipa::path(get, path = "/api/recordings/{sid}", tag = "recordings",
    params(("sid" = String, Path, description = "CA… or RE…")),
    responses((status = 200, body = StateObject), (status = 400, description = "bad_sid"), (status = 404)))]
pub async fn state(
    Known(caller): Known,
    Shared(app): Shared<Arc<App>>,
    Path(sid): Path<String>,
) -> Result<Response, Problem> {
    let sid: Sid = sid.parse().map_err(|_| Problem::bad_sid())?;
    let seen = app.parts.delivery.look_at(&caller.scope, sid).await?;
    Ok(Json(StateObject::new(sid, &seen.recording, &seen.status, &app.base)).into_response())
}

/// The tenant's calls with their states, newest first.
#[utoipa::path(get, path = "/api/recordings", tag = "recordings", params(ListParams),
    responses((status = 200, body = List), (status = 400, description = "bad_cursor, bad_limit, bad_state")))]
pub async fn list(
    Known(caller): Known,
    Shared(app): Shared<Arc<App>>,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|error| Problem::bad_request("bad_query", error.body_text()))?;
    let query = params.query()?;
    // Who has just heard `ready` reads it here too.
    app.parts.delivery.until_noted().await;
    let page = app.parts.catalog.list(&caller.scope, &query).await.map_err(DeliveryError::from)?;
    let items = page.items.iter();
    let items = items.map(|(recording, status)| StateObject::new(recording.sid, recording, status, &app.base));
    Ok(Json(List { items: items.collect(), next_cursor: page.next.map(encode_cursor) }).into_response())
}

/// Sees to the download, ahead of prefetches.
#[utoipa::path(post, path = "/api/recordings/{sid}/prepare", tag = "recordings",
    params(("sid" = String, Path, description = "CA… or RE…")),
    responses((status = 200, description = "It has landed", body = Prepared), (status = 202, description = "It is on its way", body = Prepared),
        (status = 404), (status = 410), (status = 429, description = "too_many_requests"), (status = 503, description = "overloaded")))]
pub async fn prepare(
    Known(caller): Known,
    Shared(app): Shared<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(sid): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sid: Sid = sid.parse().map_err(|_| Problem::bad_sid())?;
    app.admit_play(&caller, counted_address(peer, &headers)).await?;
    let seen = app.parts.delivery.play(&caller.scope, sid).await?;
    let recording = StateObject::new(sid, &seen.recording, &seen.status, &app.base);
    match seen.status.state {
        State::Gone => Err(Problem::because(seen.status.code.unwrap_or(Code::DeletedAtSource))),
        State::Ready => {
            Ok(Json(Prepared { status: "ready", recording, message: None, message_he: None }).into_response())
        }
        _ => {
            let message = Some("The recording is being prepared.");
            let message_he = Some("ההקלטה עדיין בתהליך הכנה.");
            let body = Json(Prepared { status: "processing", recording, message, message_he });
            Ok((StatusCode::ACCEPTED, [("retry-after", "2")], body).into_response())
        }
    }
}

impl ListParams {
    fn query(self) -> Result<ListQuery, Problem> {
        let bad_cursor = || Problem::bad_request("bad_cursor", "cursor must be next_cursor of another page");
        let bad_state = || {
            let known = "state is unknown, queued, downloading, ready, failed or gone";
            Problem::bad_request("bad_state", known)
        };
        let bad_limit = || Problem::bad_request("bad_limit", format!("limit is 1 to {MOST_PAGE}"));
        // A form sends its empty fields too.
        let given = |field: Option<String>| field.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let limit = match given(self.limit) {
            None => PAGE,
            Some(text) => text.parse().ok().filter(|n| (1..=MOST_PAGE).contains(n)).ok_or_else(bad_limit)?,
        };
        let text = given(self.q);
        if text.as_ref().is_some_and(|text| text.len() > MOST_TEXT) {
            return Err(Problem::bad_request("bad_query", format!("q has at most {MOST_TEXT} bytes")));
        }
        let state = given(self.state);
        Ok(ListQuery {
            after: given(self.cursor).map(|cursor| decode_cursor(&cursor).ok_or_else(bad_cursor)).transpose()?,
            limit,
            state: state.map(|state| State::parse(&state).ok_or_else(bad_state)).transpose()?,
            text,
        })
    }
}

fn encode_cursor(cursor: Cursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", cursor.listed_at.0, cursor.call_sid))
}

fn decode_cursor(text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (at, sid) = std::str::from_utf8(&bytes).ok()?.split_once('.')?;
    Some(Cursor { listed_at: Timestamp(at.parse().ok()?), call_sid: sid.parse().ok()? })
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        DeliveryError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_foreign_one_is_refused() {
        let cursor = Cursor { listed_at: Timestamp(-5), call_sid: format!("CA{:032x}", 7).parse().unwrap() };
        assert_eq!(decode_cursor(&encode_cursor(cursor)), Some(cursor));
        for foreign in ["", "x", "bm90IGEgY3Vyc29y", "%%%"] {
            assert_eq!(decode_cursor(foreign), None, "{foreign}");
        }
    }
}
