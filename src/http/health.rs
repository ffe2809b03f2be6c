//! Whether this process lives, whether it is ready, and what it has counted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Duration;

use super::app::App;
use crate::telemetry::{self, Levels};
use crate::volume::blocking;

/// A check that takes longer has failed: a hung disk must not hang the orchestrator's probe.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

/// What became of the checks.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// Whether requests should come here.
    ready: bool,
    /// One entry per check.
    checks: Vec<Check>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Check {
    /// `catalog`, `volume` or `draining`.
    name: &'static str,
    ok: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// Lives. Asks nothing of anybody.
#[utoipa::path(get, path = "/healthz", tag = "operators", responses((status = 200)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the volume is there and takes files, the catalog answers, and the server is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "operators",
    responses((status = 200, body = Readiness), (status = 503, description = "Names what is wrong", body = Readiness)))]
pub async fn readyz(Shared(app): Shared<Arc<App>>) -> Response {
    let parts = &app.parts;
    let (catalog, volume) = (parts.catalog.check(), parts.volume.clone());
    let volume = blocking(move || volume.check_writable());
    let (catalog, volume) =
        tokio::join!(tokio::time::timeout(CHECK_WITHIN, catalog), tokio::time::timeout(CHECK_WITHIN, volume));
    let volume = match volume {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the volume fails its check");
            crate::delivery::DeliveryError::from(error).code().map(|code| code.as_str())
        }
        Err(_) => Some("volume_unavailable"),
    };
    let catalog = (!matches!(catalog, Ok(Ok(())))).then_some("catalog_unavailable");
    let draining = app.draining.is_cancelled().then_some("draining");
    let checks = [("volume", volume), ("catalog", catalog), ("draining", draining)];
    let checks: Vec<Check> = checks.map(|(name, code)| Check { name, ok: code.is_none(), code }).into();
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [("cache-control", "no-store")], Json(Readiness { ready, checks })).into_response()
}

/// What has been counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operators", responses((status = 200, content_type = "text/plain")))]
pub async fn metrics(Shared(app): Shared<Arc<App>>) -> Response {
    let parts = &app.parts;
    let jobs = parts.jobs.depth().await.ok().map(|depth| [depth.ready, depth.delayed, depth.leased, depth.dead]);
    telemetry::levels(&Levels { subscriptions: parts.registry.census().subscriptions, jobs });
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], parts.metrics.render()).into_response()
}
