//! Routes. Handlers know each other only through `protocol` and `problem`; this is the one floor that knows status codes.

pub mod app;
mod audit;
pub(crate) mod caller;
mod calls;
pub(crate) mod connection;
mod console;
mod cors;
mod deeds;
mod events;
mod fields;
mod health;
mod intake;
mod landed;
pub mod lanes;
pub mod layer;
mod lifecycle;
pub mod limits;
mod links;
mod media;
mod openapi;
pub mod operators;
mod pacing;
mod problem;
pub(crate) mod protocol;
mod recordings;
mod request_id;
mod socket;
mod watching;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use app::{App, WorkerParts};
use problem::Problem;

/// Every route of the API.
fn routes(app: &Arc<App>) -> Router {
    let bounded = Router::new()
        .route("/api/audit", get(audit::export))
        .route("/api/calls/{sid}", put(calls::register))
        .route("/api/recordings", get(recordings::list))
        .route("/api/recordings/events", get(events::events))
        .route("/api/recordings/{sid}", get(recordings::state).delete(lifecycle::erase))
        .route("/api/recordings/{sid}/audit", get(audit::of_recording))
        .route("/api/recordings/{sid}/hold", put(lifecycle::hold).delete(lifecycle::release))
        .route("/api/recordings/{sid}/link", post(links::link))
        .route("/api/recordings/{sid}/prepare", post(recordings::prepare))
        .route("/internal/landed", post(landed::landed))
        .route("/webhook/recording_status", post(webhooks::recording_status))
        .route("/webhooks/twilio/recording-status", post(webhooks::recording_status))
        .route("/ws/recordings", get(socket::connect))
        .route_layer(from_fn_with_state(app.clone(), in_hand));
    let mut routes = Router::new()
        .route("/", get(console::file))
        .route("/assets/{*path}", get(console::file))
        // These see themselves whether they need the catalog.
        .route("/api/calls/{sid}/download", get(media::download))
        .route("/api/calls/download/{sid}", get(media::download))
        .route("/api/recordings/file/{sid}", get(media::file))
        .route("/api/recordings/{sid}/peaks", get(media::peaks::peaks))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/openapi.json", get(openapi::document));
    if app.options.metrics {
        routes = routes.route("/metrics", get(health::metrics));
    }
    routes.merge(bounded).route_layer(from_fn(note_route)).fallback(console::file).with_state(app.clone())
}

/// The routes of a listener that only operators reach.
fn operator_routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route_layer(from_fn(note_route))
        .with_state(app.clone())
}

/// What a connection beyond the bound can ask: whether the server lives, and what it counts. All else is 503.
fn spare_routes(app: &Arc<App>) -> Router {
    let mut routes = Router::new().route("/healthz", get(health::healthz)).route("/readyz", get(health::readyz));
    if app.options.metrics {
        routes = routes.route("/metrics", get(health::metrics));
    }
    let full = async || Problem::overloaded("connections").into_response();
    let close = async |mut response: Response| {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    };
    routes.route_layer(from_fn(note_route)).fallback(full).layer(map_response(close)).with_state(app.clone())
}

/// Answers 503 when too many requests that may need the catalog are in hand.
async fn in_hand(Shared(app): Shared<Arc<App>>, request: Request, next: Next) -> Response {
    match app.limits.in_hand() {
        Some(_place) => next.run(request).await,
        None => Problem::overloaded("requests_at_once").into_response(),
    }
}

/// The routes of a worker.
fn worker_routes(worker: &Arc<WorkerParts>) -> Router {
    Router::new()
        .route("/metrics", get(health::worker_metrics))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::worker_readyz))
        .with_state(worker.clone())
}

/// Notes on the answer which route gave it, for the metrics outside.
async fn note_route(path: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(path);
    response
}
