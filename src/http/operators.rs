//! A worker's listener, for health checks and metrics: few requests, from few callers. Knows no route.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::app::WorkerParts;
use super::worker_routes;
use crate::telemetry;

/// Connections at once; beyond, new ones are closed.
const MOST: usize = 64;
/// From a connection's first byte, or its last answer, to the end of the next request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// A pause when the process has no file descriptor left.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// Answers until told to stop, and finishes the requests in hand then.
pub async fn serve(listener: TcpListener, worker: Arc<WorkerParts>, stop: CancellationToken) {
    let routes = worker_routes(&worker);
    let (connections, room) = (TaskTracker::new(), Arc::new(Semaphore::new(MOST)));
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(OUT_OF_FILES).await;
                continue;
            }
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            telemetry::limited("operators");
            continue;
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes.clone()));
        let stop = stop.clone();
        connections.spawn(async move {
            let _place = place;
            let mut connection = std::pin::pin!(connection);
            // How it ends is the client's business.
            tokio::select! {
                _ = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        });
    }
    connections.close();
    connections.wait().await;
}
