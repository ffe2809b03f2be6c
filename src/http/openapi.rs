//! The API's description, made from the handlers' own annotations.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::{calls, events, health, media, problem, recordings, socket, webhooks};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Landfall",
        description = "Push-based call recordings: one landing, every listener told at once. \
        Credentials: `Authorization: Bearer <jwt>`, or the session cookie. Errors are application/problem+json."
    ),
    paths(
        media::file,
        media::download,
        recordings::state,
        recordings::list,
        recordings::prepare,
        recordings::landed,
        calls::register,
        events::events,
        socket::connect,
        webhooks::recording_status,
        health::healthz,
        health::readyz,
        health::metrics
    ),
    components(schemas(problem::Document))
)]
struct Api;

/// The document.
pub async fn document() -> Response {
    Json(Api::openapi()).into_response()
}
