//! Routes. Handlers know each other only through `protocol` and `problem`; this is the one floor that knows status codes.

pub mod app;
mod audit;
mod caller;
mod calls;
mod connection;
mod console;
mod cors;
mod deeds;
mod events;
mod fields;
mod health;
mod intake;
pub mod lanes;
pub mod layer;
mod lifecycle;
pub mod limits;
mod links;
mod media;
mod openapi;
pub mod operators;
mod problem;
mod protocol;
mod recordings;
mod request_id;
mod socket;
mod watching;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post, put};

use app::{App, WorkerParts};

/// Every route of the API.
fn routes(app: &Arc<App>) -> Router {
    let mut routes = Router::new()
        .route("/", get(console::file))
        .route("/assets/{*path}", get(console::file))
        .route("/api/audit", get(audit::export))
        .route("/api/calls/{sid}", put(calls::register))
        .route("/api/calls/{sid}/download", get(media::download))
        .route("/api/calls/download/{sid}", get(media::download))
        .route("/api/recordings", get(recordings::list))
        .route("/api/recordings/events", get(events::events))
        .route("/api/recordings/file/{sid}", get(media::file))
        .route("/api/recordings/{sid}", get(recordings::state).delete(lifecycle::erase))
        .route("/api/recordings/{sid}/audit", get(audit::of_recording))
        .route("/api/recordings/{sid}/hold", put(lifecycle::hold).delete(lifecycle::release))
        .route("/api/recordings/{sid}/link", post(links::link))
        .route("/api/recordings/{sid}/prepare", post(recordings::prepare))
        .route("/internal/landed", post(recordings::landed))
        .route("/webhook/recording_status", post(webhooks::recording_status))
        .route("/webhooks/twilio/recording-status", post(webhooks::recording_status))
        .route("/ws/recordings", get(socket::connect))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/openapi.json", get(openapi::document));
    if app.options.metrics {
        routes = routes.route("/metrics", get(health::metrics));
    }
    routes.route_layer(from_fn(note_route)).fallback(console::file).with_state(app.clone())
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
