//! The API's description, made from the handlers' own annotations.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::{self, path::Operation};

use super::{
    audit, calls, events, health, landed, lifecycle, links, media, problem, protocol, recordings, socket, webhooks,
};

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
        landed::landed,
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
    components(schemas(problem::Document, protocol::WireIntent, protocol::ServerMessage, protocol::ClientMessage))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the web client's types are made from.
    const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web-client/schema/landfall.json");

    /// `LANDFALL_WRITE_SCHEMA=1` writes it anew; then `npm run generate` in web-client.
    #[test]
    fn the_web_client_knows_the_schemas_that_the_server_speaks() {
        let components = api().components.map(|components| components.schemas);
        let made = serde_json::to_string_pretty(&components).unwrap() + "\n";
        if std::env::var_os("LANDFALL_WRITE_SCHEMA").is_some() {
            std::fs::write(SNAPSHOT, &made).unwrap();
        }
        let kept = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
        let mend =
            "LANDFALL_WRITE_SCHEMA=1 cargo test -p landfall the_web_client_knows, then npm run generate in web-client";
        assert!(made == kept, "the wire has changed: {mend}");
    }
}
