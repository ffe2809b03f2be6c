//! What runs beside the requests: signals heeded, waits swept, the volume counted, metrics kept small.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::broker::Leader;
use crate::catalog::Catalog;
use crate::delivery::Delivery;
use crate::peers::Role;
use crate::retention::{Deletions, Retention};
use crate::sharing::Judgement;
use crate::signals::{Resumed, Signal};
use crate::telemetry;
use crate::volume::{Volume, VolumeError, blocking};

/// Signals acted on at once: one whose volume or catalog is slow delays no other.
const HEEDED_AT_ONCE: usize = 64;
/// What a lost signal costs at the most.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// The same where no inotify tells what other machines write: only signals and this do.
const SWEEP_NETWORK_EVERY: Duration = Duration::from_secs(2);
const SPACE_EVERY: Duration = Duration::from_secs(15);
/// Counting walks the directory, so it is done rarely.
const TALLY_EVERY: Duration = Duration::from_secs(60);
/// Entries looked at in one go, and the pause after them.
const COUNTED_AT_ONCE: usize = 250;
const BETWEEN_COUNTS: Duration = Duration::from_millis(100);
const TEND_EVERY: Duration = Duration::from_secs(30);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// A server that starts has listeners to serve first.
const RETAIN_AFTER: Duration = Duration::from_secs(60);
const RETAIN_EVERY: Duration = Duration::from_secs(3600);
const DELETE_EVERY: Duration = Duration::from_secs(2);
const FIRST_AFTER: Duration = Duration::from_secs(1);

/// What runs beside the requests works on these.
pub(super) struct Beside<'a> {
    pub delivery: &'a Delivery,
    pub volume: &'a Volume,
    pub catalog: &'a Arc<dyn Catalog>,
    pub metrics: PrometheusHandle,
}

/// Starts all of it; it ends with `stop`.
pub(super) fn start(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    beside: Beside<'_>,
    hints: mpsc::Receiver<Signal>,
    resumed: Resumed,
) {
    let Beside { delivery, volume, catalog, metrics } = beside;
    tasks.spawn(stop.clone().run_until_cancelled_owned(heed(delivery.clone(), hints)));
    tasks.spawn(delivery.clone().note_landings(stop.clone()));
    tasks.spawn(stop.clone().run_until_cancelled_owned(sweep(delivery.clone(), volume.clone(), resumed)));
    tasks.spawn(stop.clone().run_until_cancelled_owned(space(volume.clone())));
    tasks.spawn(stop.clone().run_until_cancelled_owned(tally(volume.clone())));
    tasks.spawn(stop.clone().run_until_cancelled_owned(tend(catalog.clone())));
    tasks.spawn(stop.clone().run_until_cancelled_owned(upkeep(metrics)));
}

/// Starts what lets recordings expire, and what deletes the provider's copies where that is wished.
pub(super) fn retain(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    retention: Retention,
    deletions: Option<Deletions>,
    leader: Leader,
) {
    tasks.spawn(stop.clone().run_until_cancelled_owned(expire(retention, leader.clone())));
    if let Some(deletions) = deletions {
        tasks.spawn(stop.clone().run_until_cancelled_owned(delete(deletions, leader)));
    }
}

/// Tells listeners while the workers are known to land elsewhere, and when that has been mended.
pub(super) async fn heed_sharing(delivery: Delivery, mut judgement: watch::Receiver<Judgement>) {
    loop {
        let is_mismatch = judgement.borrow_and_update().is_mismatch(Role::Server);
        delivery.set_elsewhere(is_mismatch).await;
        if judgement.changed().await.is_err() {
            return;
        }
    }
}

async fn expire(retention: Retention, leader: Leader) {
    tokio::time::sleep(RETAIN_AFTER).await;
    while !leader.leads() {
        tokio::time::sleep(RETAIN_AFTER).await;
    }
    if let Err(error) = retention.take_stock().await {
        warn!(%error, "the volume was not looked through to its end");
    }
    let mut ticks = tokio::time::interval(RETAIN_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while retention.is_bounded() {
        ticks.tick().await;
        if !leader.leads() {
            continue;
        }
        if let Err(error) = retention.run(false, |_| {}).await {
            warn!(%error, "retention was not applied to its end");
        }
    }
}

async fn delete(deletions: Deletions, leader: Leader) {
    let mut ticks = every(DELETE_EVERY);
    loop {
        ticks.tick().await;
        if !leader.leads() {
            continue;
        }
        if let Err(error) = deletions.run().await {
            warn!(%error, "which copies are to be deleted at the source is unknown");
        }
    }
}

async fn heed(delivery: Delivery, mut hints: mpsc::Receiver<Signal>) {
    // Polled in this very task: handing each signal to a task of its own would cost a wake-up on the way to the listener.
    let mut acting = FuturesUnordered::new();
    loop {
        tokio::select! {
            signal = hints.recv(), if acting.len() < HEEDED_AT_ONCE => match signal {
                Some(signal) => acting.push(delivery.heed(signal)),
                None => return,
            },
            Some(()) = acting.next() => {}
        }
    }
}

async fn sweep(delivery: Delivery, volume: Volume, resumed: Resumed) {
    let mut ticks = every(if volume.is_on_network() { SWEEP_NETWORK_EVERY } else { SWEEP_EVERY });
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = resumed.notified() => {}
        }
        delivery.sweep().await;
    }
}

async fn space(volume: Volume) {
    let mut ticks = every(SPACE_EVERY);
    loop {
        ticks.tick().await;
        let volume = volume.clone();
        match blocking(move || volume.space()).await {
            Ok(space) => telemetry::volume_free(space.free),
            Err(error) => warn!(%error, "the volume's space is unknown"),
        }
    }
}

async fn tally(volume: Volume) {
    let mut ticks = every(TALLY_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = count(&volume).await {
            warn!(%error, "the volume could not be counted");
        }
    }
}

/// Counts with pauses: a million files must not take more than a hundredth of a core from those who listen.
async fn count(volume: &Volume) -> Result<(), VolumeError> {
    let (begun, root) = (volume.clone(), volume.root().to_owned());
    let mut tally = blocking(move || begun.tally()).await?;
    while !tally.over {
        tally = blocking(move || tally.step(COUNTED_AT_ONCE)).await.map_err(|error| VolumeError::at(&root, &error))?;
        tokio::time::sleep(BETWEEN_COUNTS).await;
    }
    telemetry::volume_contents(tally.recordings, tally.bytes);
    Ok(())
}

async fn tend(catalog: Arc<dyn Catalog>) {
    let mut ticks = every(TEND_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = catalog.tend().await {
            warn!(%error, "the catalog's housekeeping failed");
        }
    }
}

async fn upkeep(metrics: PrometheusHandle) {
    let mut ticks = every(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

/// Ticks from soon on; late ones are not made up for. A server that starts has better things to do.
fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + FIRST_AFTER, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
