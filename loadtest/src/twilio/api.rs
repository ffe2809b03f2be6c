//! The Recordings API: lists, resources and deletion, with Twilio's shapes and errors; the media are elsewhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{date, error, not_found, refused_by, refused_credentials};
use super::faults::{Faults, Used, take};
use super::recordings::{Entry, Status};
use super::state::State;

const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 1_000;

pub(super) type Parameters = Query<HashMap<String, String>>;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/2010-04-01/Accounts/{account}/Recordings.json", get(list))
        .route("/2010-04-01/Accounts/{account}/Calls/{call}/Recordings.json", get(list_of_call))
        .route("/2010-04-01/Accounts/{account}/Recordings/{file}", get(super::media::resource_or_media).delete(delete))
}

pub(super) async fn no_such_route(uri: Uri) -> Response {
    not_found(uri.path())
}

async fn list(
    shared: Shared<Arc<State>>,
    Path(account): Path<String>,
    query: Parameters,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let call = query.get("CallSid").cloned();
    page(&shared, &account, call, &query, &headers, &uri).await
}

async fn list_of_call(
    shared: Shared<Arc<State>>,
    Path((account, call)): Path<(String, String)>,
    query: Parameters,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    page(&shared, &account, Some(call), &query, &headers, &uri).await
}

async fn page(
    state: &State,
    account: &str,
    call: Option<String>,
    query: &Parameters,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let entries: Vec<Arc<Entry>> = match &call {
        Some(call) => state.store().newest(Some(call), u64::MAX).cloned().collect(),
        None => Vec::new(),
    };
    for entry in &entries {
        entry.stats.send_modify(|stats| stats.list_requests += 1);
    }
    state.count(None, |totals| totals.list_requests += 1);
    if let Some(call) = &call {
        state.count_list(call);
    }
    if let Some(refused) = refused_credentials(state, account, headers) {
        return refused;
    }
    // The oldest recording of the call speaks for the call.
    if let Some(broken) = api_fault(state, entries.last().map(Arc::as_ref), |faults, used| {
        take(&mut used.lists, faults.list_server_error)
    })
    .await
    {
        return broken;
    }

    let size = query.get("PageSize").and_then(|size| size.parse().ok()).unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    // The token names the last recording of the page before, so that recordings that come meanwhile shift nothing.
    let before = query.get("PageToken").and_then(|token| token.strip_prefix("PA")?.parse().ok()).unwrap_or(u64::MAX);
    let page: usize = query.get("Page").and_then(|page| page.parse().ok()).unwrap_or(0);
    let deleted_too = query.get("IncludeSoftDeleted").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let (found, more) = {
        let store = state.store();
        let mut wanted = store
            .newest(call.as_deref(), before)
            .filter(|entry| entry.recording.account_sid == account)
            .filter(|entry| deleted_too || entry.status() != Status::Deleted)
            .filter(|entry| in_period(&entry.recording.started_at, query));
        let found: Vec<Arc<Entry>> = wanted.by_ref().take(size).cloned().collect();
        let more = wanted.next().is_some();
        (found, more)
    };
    let next = found.last().filter(|_| more).map(|last| next_page(uri, page + 1, last.number));
    let start = page * size;
    Json(json!({
        "recordings": found.iter().map(|entry| resource(entry)).collect::<Vec<Value>>(),
        "page": page,
        "page_size": size,
        "start": start,
        "end": (start + found.len()).saturating_sub(1),
        "uri": uri.to_string(),
        "first_page_uri": format!("{}?PageSize={size}&Page=0", uri.path()),
        "next_page_uri": next,
        "previous_page_uri": null,
    }))
    .into_response()
}

/// The same query, but for page and token.
fn next_page(uri: &Uri, page: usize, last: u64) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "Page" && name != "PageToken" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("Page", &page.to_string()).append_pair("PageToken", &format!("PA{last}"));
    format!("{}?{}", uri.path(), query.finish())
}

/// `DateCreated`, `DateCreated<` and `DateCreated>`, each a day or a time in UTC; the last two include their bound, as in
/// `DateCreated>=2026-01-31`, which a query parser splits after `>`.
fn in_period(created: &Timestamp, query: &Parameters) -> bool {
    let created = created.to_string();
    // Texts of this form sort as times do, and a day is the beginning of all its times.
    let on_day = |bound: &String| bound.get(..10).is_some_and(|day| created.starts_with(day));
    query.get("DateCreated").is_none_or(on_day)
        && query.get("DateCreated<").is_none_or(|bound| created <= *bound || bound.len() == 10 && on_day(bound))
        && query.get("DateCreated>").is_none_or(|bound| created >= *bound)
}

pub(super) async fn fetch(
    state: &State,
    account: &str,
    sid: &str,
    query: &Parameters,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let entry = state.entry(sid);
    state.count(entry.as_deref(), |stats| stats.resource_requests += 1);
    if let Some(refused) = refused_credentials(state, account, headers) {
        state.count(entry.as_deref(), |stats| stats.unauthorized += 1);
        return refused;
    }
    if let Some(broken) =
        api_fault(state, entry.as_deref(), |faults, used| take(&mut used.resources, faults.resource_server_error)).await
    {
        return broken;
    }
    let deleted_too = query.get("IncludeSoftDeleted").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match entry
        .filter(|entry| entry.recording.account_sid == account && (deleted_too || entry.status() != Status::Deleted))
    {
        Some(entry) => Json(resource(&entry)).into_response(),
        None => not_found(uri.path()),
    }
}

async fn delete(
    Shared(state): Shared<Arc<State>>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let entry = state.entry(file.strip_suffix(".json").unwrap_or(&file));
    state.count(entry.as_deref(), |stats| stats.delete_requests += 1);
    if let Some(refused) = refused_credentials(&state, &account, &headers) {
        state.count(entry.as_deref(), |stats| stats.unauthorized += 1);
        return refused;
    }
    if let Some(broken) =
        api_fault(&state, entry.as_deref(), |faults, used| take(&mut used.deletions, faults.delete_server_error)).await
    {
        return broken;
    }
    match entry.filter(|entry| entry.recording.account_sid == account && entry.status() != Status::Deleted) {
        Some(entry) => {
            entry.set_status(Status::Deleted);
            StatusCode::NO_CONTENT.into_response()
        }
        None => not_found(uri.path()),
    }
}

/// The faults that lists, resources and deletions share; `fails` says whether this request is one of those that fail.
async fn api_fault(
    state: &State,
    entry: Option<&Entry>,
    fails: impl FnOnce(&Faults, &mut Used) -> bool,
) -> Option<Response> {
    let (faults, fails) = state.decide(entry, fails);
    tokio::time::sleep(Duration::from_millis(faults.api_latency_ms)).await;
    if let Some(refused) = refused_by(&faults) {
        return Some(refused);
    }
    fails.then(|| error(StatusCode::INTERNAL_SERVER_ERROR, 20500, "An internal server error has occurred"))
}

/// The Recording resource.
fn resource(entry: &Entry) -> Value {
    let recording = &entry.recording;
    let (status, updated) = {
        let script = entry.script();
        (script.status, script.updated_at)
    };
    let path = format!("/2010-04-01/Accounts/{}/Recordings/{}", recording.account_sid, recording.recording_sid);
    let known_length = matches!(status, Status::Completed | Status::Deleted);
    let started = date(&recording.started_at);
    json!({
        "account_sid": recording.account_sid,
        "api_version": "2010-04-01",
        "call_sid": recording.call_sid,
        "conference_sid": null,
        "channels": recording.channels,
        "date_created": started,
        "date_updated": date(&updated),
        "start_time": started,
        "price": null,
        "price_unit": "USD",
        "duration": if known_length { recording.duration_s.to_string() } else { "-1".to_owned() },
        "sid": recording.recording_sid,
        "source": "DialVerb",
        "status": status.as_str(),
        "error_code": if status == Status::Absent { Some(16101) } else { None },
        "track": "both",
        "encryption_details": null,
        "uri": format!("{path}.json"),
        "media_url": null,
        "subresource_uris": {
            "add_on_results": format!("{path}/AddOnResults.json"),
            "transcriptions": format!("{path}/Transcriptions.json"),
        },
    })
}
