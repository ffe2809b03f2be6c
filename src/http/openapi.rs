//! The API's description, made from the handlers' own annotations.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::{self, path::Operation};

use super::{audit, calls, events, health, lifecycle, links, media, problem, protocol, recordings, socket, webhooks};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Landfall",
        description = "Push-based call recordings: one landing, every listener told at once. \
        Credentials: `Authorization: Bearer <jwt>`, or the session cookie; or a signed link, for the recording it names. Errors are application/problem+json."
    ),
    paths(
        media::file,
        media::download,
        media::peaks::peaks,
        links::link,
        recordings::state,
        recordings::list,
        recordings::prepare,
        recordings::landed,
        lifecycle::erase,
        lifecycle::hold,
        lifecycle::release,
        audit::of_recording,
        audit::export,
        calls::register,
        events::events,
        socket::connect,
        webhooks::recording_status,
        health::healthz,
        health::readyz,
        health::metrics
    ),
    components(schemas(problem::Document, protocol::WireIntent))
)]
struct Api;

/// Routes whose HEAD is of use.
const WITH_HEAD: [&str; 3] = ["/api/recordings/file/{sid}", "/api/recordings/{sid}/peaks", "/api/calls/{sid}/download"];
/// Routes of older systems, and those they are the same as.
const ALIASES: [(&str, &str); 2] = [
    ("/api/calls/download/{sid}", "/api/calls/{sid}/download"),
    ("/webhook/recording_status", "/webhooks/twilio/recording-status"),
];

/// The document.
pub async fn document() -> Response {
    Json(api()).into_response()
}

fn api() -> openapi::OpenApi {
    let mut api = Api::openapi();
    let paths = &mut api.paths.paths;
    for path in WITH_HEAD {
        if let Some(item) = paths.get_mut(path) {
            item.head = item.get.clone().map(|get| named(get, "_head"));
        }
    }
    for (alias, path) in ALIASES {
        let mut item = paths.get(path).cloned().unwrap_or_default();
        for operation in [&mut item.get, &mut item.head, &mut item.post] {
            *operation = operation.take().map(|operation| named(operation, "_alias"));
        }
        paths.insert(alias.to_owned(), item);
    }
    api
}

/// The operation under a name of its own: no two may have the same.
fn named(mut operation: Operation, suffix: &str) -> Operation {
    operation.operation_id = operation.operation_id.map(|name| name + suffix);
    operation
}
