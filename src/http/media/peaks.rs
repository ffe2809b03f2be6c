//! A recording's waveform: audiowaveform's `.dat`, or its JSON for whoever prefers that. Listens to nothing: the audit has
//! no entry of it, and a recording that has not landed is not fetched for it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State as Shared};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Duration;

use super::headers;
use super::patience::patience;
use super::pending::{Processing, failure, gone, on_its_way, processing};
use crate::audio::peaks::Dat;
use crate::auth::Purpose;
use crate::delivery::{DeliveryError, Opened, Seen, Shelved};
use crate::http::app::App;
use crate::http::caller::{Asking, identify_for};
use crate::http::problem::Problem;
use crate::range::{Outcome, Validators};
use crate::recording::{Code, Sid, State};
use crate::volume::{DrawError, Mapped, Waveform, blocking};

/// A GET is held so long while the waveform is being drawn, unless it says otherwise: most are drawn by then.
const USUAL_PATIENCE: Duration = Duration::from_secs(5);

/// What a waveform is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Dat,
    Json,
}

/// The waveform of a recording.
///
/// Drawn once it has landed, or when it is first asked for. Starts no download, and is no listening.
#[utoipa::path(get, path = "/api/recordings/{sid}/peaks", tag = "media",
    params(("sid" = String, Path, description = "CA… or RE…"),
        ("wait" = Option<u32>, Query, description = "Hold the answer while the waveform is drawn, for at most so many seconds (60); 5 if absent"),
        ("purpose" = Option<String>, Query, description = "Of a signed link to play, like sub, exp, kid and sig"),
        ("sub" = Option<String>, Query), ("exp" = Option<String>, Query), ("kid" = Option<String>, Query), ("sig" = Option<String>, Query),
        ("accept" = Option<String>, Header, description = "application/json for audiowaveform's JSON")),
    responses((status = 200, description = "audiowaveform's .dat, version 2, of 8 bits", content_type = "application/octet-stream"),
        (status = 202, description = "It has not landed, or the waveform is being drawn", body = Processing),
        (status = 304, description = "Not modified"), (status = 401, description = "No or bad token"),
        (status = 403, description = "link_invalid, link_expired"), (status = 404, description = "No such recording"),
        (status = 410, description = "Gone: erased, expired, absent, deleted_at_source"),
        (status = 422, description = "undecodable: it has no waveform, and never will"),
        (status = 502, description = "The last try to fetch it failed"),
        (status = 503, description = "volume_unavailable, disk_full, catalog_unavailable, overloaded")))]
pub async fn peaks(Shared(app): Shared<Arc<App>>, Path(sid): Path<String>, asking: Asking) -> Response {
    let mut response = respond(&app, &sid, &asking).await.unwrap_or_else(IntoResponse::into_response);
    headers::keep_secret(response.headers_mut());
    response
}

async fn respond(app: &App, sid: &str, asking: &Asking) -> Result<Response, Problem> {
    let place = app.limits.in_hand().ok_or_else(|| Problem::overloaded("requests_at_once"))?;
    let (caller, sid) = identify_for(app, Purpose::Play, sid, asking).await?;
    app.limits.request(Some(&caller), asking.from)?;
    let is_get = asking.method == Method::GET;
    let patience = patience(&asking.uri, &asking.headers)?.unwrap_or(USUAL_PATIENCE);
    let open = async || match app.parts.delivery.open(&caller.scope, sid).await? {
        Opened::File(shelved) => Ok(Ok(shelved)),
        Opened::Not(seen) => not_landed(sid, &seen).map(Err),
    };
    let find = async |shelved: &Shelved| {
        let found = app.parts.waveforms.find(shelved.recording.sid, shelved.modified).await;
        found.map_err(DeliveryError::from).map_err(Problem::from)
    };
    let mut shelved: Arc<Shelved> = match open().await? {
        Ok(shelved) => shelved,
        Err(later) => return Ok(later),
    };
    let mut found = find(&shelved).await?;
    // Like everywhere, a HEAD starts nothing.
    if found.is_none() && is_get {
        let storage = shelved.recording.sid;
        let drawing = app.parts.waveforms.want(storage).map_err(|_| Problem::overloaded("peaks_waiting"))?;
        // Who is held is counted there instead.
        drop((place, shelved));
        let _place = app.limits.wait().ok_or_else(|| Problem::overloaded("waiting_requests"))?;
        let ended = tokio::select! {
            ended = drawing.within(patience) => ended,
            () = app.draining.cancelled() => None,
        };
        if let Some(Err(DrawError::Volume(error))) = ended {
            return Err(DeliveryError::from(error).into());
        }
        // It may have been erased meanwhile.
        shelved = match open().await? {
            Ok(shelved) => shelved,
            Err(later) => return Ok(later),
        };
        found = find(&shelved).await?;
    }
    match found {
        Some(Waveform::Drawn(bytes, length)) => waveform(app, asking, &shelved, bytes, length).await,
        Some(Waveform::Undecodable) => Err(Problem::undecodable()),
        None => Ok(being_drawn(sid)),
    }
}

/// 202 of one that has landed.
fn being_drawn(sid: Sid) -> Response {
    on_its_way(sid, State::Ready, "The waveform is being prepared.", "צורת הגל עדיין בתהליך הכנה.")
}

/// What is said of a recording that has not landed: the same as of its bytes to one who does not wait for them.
fn not_landed(sid: Sid, seen: &Seen) -> Result<Response, Problem> {
    match (seen.status.state, failure(seen)) {
        (State::Gone, _) => Err(gone(seen)),
        (_, Some(code)) => Err(Problem::because(code)),
        (state, None) => Ok(processing(sid, state)),
    }
}

async fn waveform(app: &App, asking: &Asking, of: &Shelved, bytes: Mapped, length: u64) -> Result<Response, Problem> {
    let form = preferred(&asking.headers);
    let etag = form.etag(&of.etag);
    let outcome = headers::preconditions(&asking.headers, Validators { etag: &etag, modified: Some(of.modified) });
    let mut response = match outcome {
        Outcome::Failed => return Err(Problem::precondition_failed()),
        Outcome::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        // There are no ranges of a waveform.
        Outcome::Proceed | Outcome::IgnoreRange => {
            let body: Bytes = match form {
                Form::Dat => bytes.slice(0..length),
                Form::Json => json(bytes, length).await?,
            };
            let size = HeaderValue::from(body.len());
            let is_get = asking.method == Method::GET;
            let mut response = Response::new(if is_get { Body::from(body) } else { Body::empty() });
            response.headers_mut().insert(CONTENT_LENGTH, size);
            response.headers_mut().insert(CONTENT_TYPE, form.content_type());
            response
        }
    };
    let fields = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_maybe_shared(Bytes::from(etag)) {
        fields.insert(ETAG, etag);
    }
    fields.insert(CACHE_CONTROL, app.cache_control.clone());
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// Numbers as text take milliseconds: not on the threads that serve others meanwhile.
async fn json(bytes: Mapped, length: u64) -> Result<Bytes, Problem> {
    let text = blocking(move || {
        let mut read = vec![0; length as usize];
        std::os::unix::fs::FileExt::read_exact_at(bytes.file(), &mut read, 0).ok()?;
        Dat::read(&read).map(|dat| dat.json())
    });
    text.await.map(Bytes::from).ok_or_else(|| Problem::because(Code::VolumeUnavailable))
}

impl Form {
    const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Dat => "application/octet-stream",
            Self::Json => "application/json",
        })
    }

    /// The recording's validator, with the name of what was made of it: each way of drawing gets a new one.
    fn etag(self, recording: &str) -> String {
        let form = match self {
            Self::Dat => "dat",
            Self::Json => "json",
        };
        format!("{}.peaks1.{form}\"", recording.trim_end_matches('"'))
    }
}

/// What the request prefers (RFC 9110 §12.5.1); the `.dat` where it does not say.
fn preferred(request: &HeaderMap) -> Form {
    let lines = request.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let ranges: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    // How much a type is wanted, and how exactly it was named.
    let wanted = |name: &str| {
        let matching = ranges.iter().filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let exact = match parts.next()?.to_ascii_lowercase() {
                range if range == name => 2,
                range if range == "application/*" => 1,
                range if range == "*/*" => 0,
                _ => return None,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            Some((exact, weight.unwrap_or(1.0)))
        });
        let (exact, weight) = matching.max_by_key(|(exact, _)| *exact).unwrap_or((0, 0.0));
        (weight, exact)
    };
    let (json, dat) = (wanted("application/json"), wanted("application/octet-stream"));
    // A weight of 0 says that it is not wanted at all (§12.4.2).
    if json > dat && json.0 > 0.0 { Form::Json } else { Form::Dat }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_whoever_prefers_it() {
        let form = |accept: &str| preferred(&HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]));
        assert_eq!(preferred(&HeaderMap::new()), Form::Dat);
        for dat in [
            "*/*",
            "text/html,*/*;q=0.8",
            "application/octet-stream",
            "application/json;q=0.5, */*",
            "audio/*",
            "application/json;q=0",
        ] {
            assert_eq!(form(dat), Form::Dat, "{dat}");
        }
        for json in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json, text/plain, */*",
            "application/octet-stream;q=0.1, application/*",
            "application/octet-stream;q=0, */*",
        ] {
            assert_eq!(form(json), Form::Json, "{json}");
        }
    }
}
