//! `/_sim/`: the simulator's own API in JSON, so that another process can script it. Open to everybody who reaches the port.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::json;

use super::callbacks::{self, Callback, CallbackError};
use super::faults::Faults;
use super::recordings::{Entry, NewRecording, Status};
use super::state::State;

/// Most recordings that one listing shows.
const SHOWN: usize = 1_000;

type S = Shared<Arc<State>>;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/_sim/", get(overview))
        .route("/_sim/faults", get(global).put(set_global).delete(clear_global))
        .route("/_sim/recordings", get(newest).post(add))
        .route("/_sim/recordings/{sid}", get(one))
        .route("/_sim/recordings/{sid}/faults", put(set_faults).delete(clear_faults))
        .route("/_sim/recordings/{sid}/status", put(set_status))
        .route("/_sim/recordings/{sid}/hold", post(hold))
        .route("/_sim/recordings/{sid}/release", post(release))
        .route("/_sim/callbacks", post(callback))
}

async fn overview(Shared(state): S) -> Response {
    let accounts: Vec<&str> = state.options.accounts.iter().map(|account| account.sid.as_str()).collect();
    Json(json!({
        "base_url": state.base_url,
        "foreign_url": state.foreign_url,
        "accounts": accounts,
        "recordings": state.store().len(),
        "totals": *state.totals.borrow(),
    }))
    .into_response()
}

async fn global(Shared(state): S) -> Json<Faults> {
    Json(state.global_faults())
}

async fn set_global(Shared(state): S, Json(faults): Json<Faults>) -> StatusCode {
    state.set_global_faults(faults);
    StatusCode::NO_CONTENT
}

async fn clear_global(Shared(state): S) -> StatusCode {
    state.set_global_faults(Faults::default());
    StatusCode::NO_CONTENT
}

async fn newest(Shared(state): S) -> Response {
    let entries: Vec<Arc<Entry>> = state.store().newest(None, u64::MAX).take(SHOWN).cloned().collect();
    Json(json!({"recordings": entries.iter().map(|entry| describe(entry)).collect::<Vec<_>>()})).into_response()
}

async fn add(Shared(state): S, Json(new): Json<NewRecording>) -> Response {
    match state.add(new) {
        Ok(recording) => (StatusCode::CREATED, Json(recording)).into_response(),
        Err(why) => (StatusCode::CONFLICT, Json(json!({"error": why}))).into_response(),
    }
}

async fn one(Shared(state): S, Path(sid): Path<String>) -> Response {
    match state.entry(&sid) {
        Some(entry) => Json(describe(&entry)).into_response(),
        None => unknown(),
    }
}

async fn set_faults(Shared(state): S, Path(sid): Path<String>, Json(faults): Json<Faults>) -> Response {
    done(state.set_faults(&sid, Some(faults)))
}

async fn clear_faults(Shared(state): S, Path(sid): Path<String>) -> Response {
    done(state.set_faults(&sid, None))
}

#[derive(Deserialize)]
struct NewStatus {
    status: Status,
}

async fn set_status(Shared(state): S, Path(sid): Path<String>, Json(new): Json<NewStatus>) -> Response {
    done(state.entry(&sid).map(|entry| entry.set_status(new.status)))
}

async fn hold(Shared(state): S, Path(sid): Path<String>) -> Response {
    done(state.gate(&sid, false))
}

async fn release(Shared(state): S, Path(sid): Path<String>) -> Response {
    done(state.gate(&sid, true))
}

async fn callback(Shared(state): S, Json(callback): Json<Callback>) -> Response {
    match callbacks::send(&state, &callback).await {
        Ok(delivery) => Json(delivery).into_response(),
        Err(CallbackError::UnknownRecording) => unknown(),
        Err(error) => (StatusCode::BAD_GATEWAY, Json(json!({"error": error.to_string()}))).into_response(),
    }
}

fn describe(entry: &Entry) -> serde_json::Value {
    let (status, faults) = {
        let script = entry.script();
        (script.status, script.faults.clone())
    };
    json!({"recording": entry.recording, "status": status, "faults": faults, "stats": *entry.stats.borrow()})
}

fn done(found: Option<()>) -> Response {
    found.map_or_else(unknown, |()| StatusCode::NO_CONTENT.into_response())
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": "the simulator knows no such recording"}))).into_response()
}
