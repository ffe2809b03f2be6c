//! Recordings that the catalog calls pending have a job, also where nobody waits for them: jobs are forgotten when their
//! process ends, or when Redis forgets.

use std::sync::Arc;

use tokio::time::Duration;
use tracing::{info, warn};

use crate::broker::Leader;
use crate::catalog::{Catalog, CatalogError};
use crate::jobs::{Job, Jobs, Priority, QueueError};
use crate::recording::State;

/// What a forgotten job costs at the most where nobody waits for it.
const EVERY: Duration = Duration::from_secs(60);
/// Between two looks for a catalog that was away at the start.
const UNTIL_THERE: Duration = Duration::from_secs(1);
/// Between two looks whether it is this server's turn.
const UNTIL_LEADING: Duration = Duration::from_secs(1);

/// Jobs live in this process: those of the process before are made again.
pub(super) async fn resume(catalog: &dyn Catalog, jobs: &dyn Jobs) -> Result<(), CatalogError> {
    match again(catalog, jobs).await? {
        (0, _) => {}
        (made, None) => info!(jobs = made, "downloads of the last run are taken up again"),
        (_, Some(error)) => return Err(CatalogError(error.0)),
    }
    Ok(())
}

/// The same of a catalog that was away at the start: as soon as it answers.
pub(super) async fn resume_when_it_answers(catalog: Arc<dyn Catalog>, jobs: Arc<dyn Jobs>) {
    while resume(&*catalog, &*jobs).await.is_err() {
        tokio::time::sleep(UNTIL_THERE).await;
    }
}

/// Jobs live in Redis, which may forget any of them. Goes on for as long as it is polled.
pub(super) async fn sweep(catalog: Arc<dyn Catalog>, jobs: Arc<dyn Jobs>, leader: Leader) {
    loop {
        while !leader.leads() {
            tokio::time::sleep(UNTIL_LEADING).await;
        }
        match again(&*catalog, &*jobs).await {
            Ok((0, None)) => {}
            Ok((made, None)) => info!(jobs = made, "downloads without a job were queued again"),
            Ok((_, Some(error))) => warn!(%error, "whether all downloads have a job is unknown"),
            Err(error) => warn!(%error, "which downloads should have a job is unknown"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// How many jobs were made; and why not all.
async fn again(catalog: &dyn Catalog, jobs: &dyn Jobs) -> Result<(usize, Option<QueueError>), CatalogError> {
    let mut made = 0;
    for (recording, status) in catalog.pending().await? {
        let job = Job { sid: recording.sid, tenant: recording.tenant, priority: Priority::Prefetch };
        let ensured = match status.state {
            State::Downloading => jobs.restore(job).await,
            _ => jobs.ensure(job).await,
        };
        match ensured {
            Ok(new) => made += usize::from(new),
            // The others would be no better off.
            Err(error) => return Ok((made, Some(error))),
        }
    }
    Ok((made, None))
}
