//! Whether this process lives, whether it is ready, and what it has counted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::time::Duration;

use super::app::{App, Parts, WorkerParts};
use crate::catalog::{CallLog, Catalog};
use crate::jobs::Jobs;
use crate::recording::Code;
use crate::telemetry::{self, Levels};
use crate::volume::{Volume, blocking};

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
    /// `volume`, `catalog`, `queue`, `draining`, or `call_log` where one is configured.
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

/// Ready: the volume is there and takes files, catalog and queue answer, and the server is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "operators",
    responses((status = 200, body = Readiness), (status = 503, description = "Names what is wrong", body = Readiness)))]
pub async fn readyz(Shared(app): Shared<Arc<App>>) -> Response {
    let Parts { catalog, call_log, volume, jobs, delivery, .. } = &app.parts;
    let is_elsewhere = delivery.is_elsewhere();
    readiness(&**catalog, call_log.as_deref(), volume, &**jobs, is_elsewhere, app.draining.is_cancelled()).await
}

/// The same of a worker.
pub async fn worker_readyz(Shared(worker): Shared<Arc<WorkerParts>>) -> Response {
    let WorkerParts { catalog, volume, jobs, may_land, draining, .. } = &*worker;
    let is_elsewhere = !*may_land.borrow();
    readiness(&**catalog, None, volume, &**jobs, is_elsewhere, draining.is_cancelled()).await
}

async fn readiness(
    catalog: &dyn Catalog,
    call_log: Option<&CallLog>,
    volume: &Volume,
    jobs: &dyn Jobs,
    is_elsewhere: bool,
    draining: bool,
) -> Response {
    let volume = volume.clone();
    let volume = blocking(move || volume.check_writable());
    let read_log = async {
        match call_log {
            Some(log) => log.check().await,
            None => Ok(()),
        }
    };
    let (catalog, log, volume, queue) = tokio::join!(
        tokio::time::timeout(CHECK_WITHIN, catalog.check()),
        tokio::time::timeout(CHECK_WITHIN, read_log),
        tokio::time::timeout(CHECK_WITHIN, volume),
        tokio::time::timeout(CHECK_WITHIN, jobs.check()),
    );
    let volume = match volume {
        Ok(Ok(())) if is_elsewhere => Some(Code::VolumeMismatch.as_str()),
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the volume fails its check");
            crate::delivery::DeliveryError::from(error).code().map(|code| code.as_str())
        }
        Err(_) => Some("volume_unavailable"),
    };
    let catalog = (!matches!(catalog, Ok(Ok(())))).then_some("catalog_unavailable");
    let queue = (!matches!(queue, Ok(Ok(())))).then_some("queue_unavailable");
    let draining = draining.then_some("draining");
    let log = call_log.map(|_| ("call_log", (!matches!(log, Ok(Ok(())))).then_some("catalog_unavailable")));
    let checks = [("volume", volume), ("catalog", catalog), ("queue", queue), ("draining", draining)];
    let checks = checks.into_iter().chain(log).map(|(name, code)| Check { name, ok: code.is_none(), code });
    let checks: Vec<Check> = checks.collect();
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [("cache-control", "no-store")], Json(Readiness { ready, checks })).into_response()
}

/// What has been counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operators", responses((status = 200, content_type = "text/plain")))]
pub async fn metrics(Shared(app): Shared<Arc<App>>) -> Response {
    let Parts { registry, jobs, metrics, .. } = &app.parts;
    counted(registry.census().subscriptions, &**jobs, metrics).await
}

/// The same of a worker.
pub async fn worker_metrics(Shared(worker): Shared<Arc<WorkerParts>>) -> Response {
    counted(0, &*worker.jobs, &worker.metrics).await
}

async fn counted(subscriptions: u64, jobs: &dyn Jobs, metrics: &PrometheusHandle) -> Response {
    let jobs = jobs.depth().await.ok().map(|depth| [depth.ready, depth.delayed, depth.leased, depth.dead]);
    telemetry::levels(&Levels { subscriptions, jobs });
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], telemetry::exposition(metrics)).into_response()
}
