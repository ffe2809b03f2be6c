//! Media requests: what is refused, redirected or sent; the body itself, with its faults, is in `body`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Format;
use super::answers;
use super::api::{self, Parameters};
use super::body::{self, InFlight};
use super::faults::{Faults, Redirect, Refusal};
use super::recordings::{Entry, Status};
use super::state::State;

/// Marks a request that has been redirected once within this origin.
const REDIRECTED: &str = "Redirected";

/// What the other origin answers: media, whoever asks.
pub(super) fn foreign_routes() -> Router<Arc<State>> {
    Router::new().route("/media/{file}", get(foreign))
}

pub(super) async fn resource_or_media(
    Shared(state): Shared<Arc<State>>,
    Path((account, file)): Path<(String, String)>,
    query: Parameters,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if let Some(sid) = file.strip_suffix(".json") {
        return api::fetch(&state, &account, sid, &query, &headers, &uri).await;
    }
    let (sid, format) = parse(&file);
    let Some(entry) = state.entry(sid) else {
        state.count(None, |totals| totals.media_requests += 1);
        return answers::refused_credentials(&state, &account, &headers)
            .unwrap_or_else(|| answers::not_found(uri.path()));
    };
    let request = InFlight::begin(&state, &entry, true);
    if let Some(refused) = answers::refused_credentials(&state, &account, &headers) {
        state.count(Some(&entry), |stats| stats.unauthorized += 1);
        return refused;
    }
    let (faults, refusal) = state.decide(Some(&entry), |faults, used| used.refusal(faults));
    tokio::select! {
        () = before_headers(&entry, &faults) => {}
        () = state.stop.cancelled() => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
    if let Some(refused) = answers::refused_by(&faults) {
        return refused;
    }
    if faults.concurrency > 0 && request.of_account() > faults.concurrency {
        return too_many(&faults);
    }
    match refusal {
        Some(Refusal::NotFound) => return answers::not_found(uri.path()),
        Some(Refusal::TooMany) => return too_many(&faults),
        Some(Refusal::ServerError) => {
            return answers::error(StatusCode::SERVICE_UNAVAILABLE, 20503, "Service unavailable");
        }
        None => {}
    }
    if entry.recording.account_sid != account || entry.status() != Status::Completed {
        return answers::not_found(uri.path());
    }
    if let Some(target) = redirect(&state, &faults, &file, &query, &uri) {
        return (StatusCode::FOUND, [(LOCATION, target)]).into_response();
    }
    answer(request, faults, format, query.get("RequestedChannels").map(String::as_str))
}

async fn foreign(
    Shared(state): Shared<Arc<State>>,
    Path(file): Path<String>,
    query: Parameters,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let (sid, format) = parse(&file);
    let Some(entry) = state.entry(sid) else {
        return answers::not_found(uri.path());
    };
    let leaked = u64::from(headers.contains_key(AUTHORIZATION));
    state.count(Some(&entry), |stats| {
        stats.foreign_requests += 1;
        stats.foreign_authorization += leaked;
    });
    let (faults, ()) = state.decide(Some(&entry), |_, _| ());
    let request = InFlight::begin(&state, &entry, false);
    answer(request, faults, format, query.get("RequestedChannels").map(String::as_str))
}

/// Without an extension Twilio sends WAV.
fn parse(file: &str) -> (&str, Format) {
    match file.strip_suffix(".mp3") {
        Some(sid) => (sid, Format::Mp3),
        None => (file.strip_suffix(".wav").unwrap_or(file), Format::Wav),
    }
}

async fn before_headers(entry: &Entry, faults: &Faults) {
    if faults.hang {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    let mut gate = entry.gate.subscribe();
    // An error would mean that the recording is gone, which never happens; then there is nothing to wait for either.
    let _ = gate.wait_for(|gate| gate.headers).await;
}

fn too_many(faults: &Faults) -> Response {
    let mut response = answers::error(StatusCode::TOO_MANY_REQUESTS, 20429, "Too Many Requests");
    if let Some(seconds) = faults.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn redirect(state: &State, faults: &Faults, file: &str, query: &Parameters, uri: &Uri) -> Option<String> {
    let asked = uri.query().unwrap_or_default();
    match faults.redirect {
        Redirect::None => None,
        Redirect::SameOrigin if query.contains_key(REDIRECTED) => None,
        Redirect::SameOrigin => Some(format!("{}{}?{REDIRECTED}=1&{asked}", state.base_url, uri.path())),
        Redirect::Loop => Some(format!("{}{}?{asked}", state.base_url, uri.path())),
        Redirect::Foreign => Some(format!("{}/media/{file}?{asked}", state.foreign_url)),
        Redirect::Nowhere => Some(format!("http://no-such-host.invalid/media/{file}?{asked}")),
    }
}

/// 200 with the media, or with what is scripted instead.
fn answer(request: InFlight, faults: Faults, asked: Format, channels: Option<&str>) -> Response {
    let entry = request.entry();
    let available = entry.recording.channels;
    let channels = match channels {
        None => available,
        Some("1") => 1,
        Some("2") if available == 2 => 2,
        Some("2") => {
            return answers::error(StatusCode::BAD_REQUEST, 20400, "The recording is not available in dual-channel");
        }
        Some(_) => {
            return answers::error(StatusCode::BAD_REQUEST, 20400, "RequestedChannels must be 1 or 2");
        }
    };
    let kind = HeaderValue::from_static(asked.content_type());
    if faults.html {
        let page = "<!doctype html><title>Sign in</title><p>Please sign in to continue.";
        return ([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
    }
    if faults.empty {
        return ([(CONTENT_TYPE, kind)], Body::empty()).into_response();
    }
    let format = match (faults.other_format, asked) {
        (false, asked) => asked,
        (true, Format::Mp3) => Format::Wav,
        (true, Format::Wav) => Format::Mp3,
    };
    let size = entry.audio.size(format, channels);
    let told = size.saturating_add_signed(faults.wrong_length.unwrap_or(0));
    let chunked = faults.no_content_length;
    let mut response = body::send(request, faults, format, channels).into_response();
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if !chunked {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(told));
    }
    response
}
