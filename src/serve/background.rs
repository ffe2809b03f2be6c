//! What runs beside the requests: signals heeded, waits swept, the volume counted, metrics kept small.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::delivery::Delivery;
use crate::signals::Signal;
use crate::telemetry;
use crate::volume::{Volume, blocking};

/// Signals acted on at once: one whose volume or catalog is slow delays no other.
const HEEDED_AT_ONCE: usize = 64;
/// What a lost signal costs at the most.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const SPACE_EVERY: Duration = Duration::from_secs(15);
/// Counting walks the directory, so it is done rarely.
const TALLY_EVERY: Duration = Duration::from_secs(60);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
const FIRST_AFTER: Duration = Duration::from_secs(1);

/// Starts all of it; it ends with `stop`.
pub(super) fn start(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    delivery: &Delivery,
    volume: &Volume,
    hints: mpsc::Receiver<Signal>,
    metrics: PrometheusHandle,
) {
    tasks.spawn(stop.clone().run_until_cancelled_owned(heed(delivery.clone(), hints)));
    tasks.spawn(stop.clone().run_until_cancelled_owned(sweep(delivery.clone())));
    tasks.spawn(stop.clone().run_until_cancelled_owned(space(volume.clone())));
    tasks.spawn(stop.clone().run_until_cancelled_owned(tally(volume.clone())));
    tasks.spawn(stop.clone().run_until_cancelled_owned(upkeep(metrics)));
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

async fn sweep(delivery: Delivery) {
    let mut ticks = every(SWEEP_EVERY);
    loop {
        ticks.tick().await;
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
        let volume = volume.clone();
        match blocking(move || volume.tally()).await {
            Ok((recordings, bytes)) => telemetry::volume_contents(recordings, bytes),
            Err(error) => warn!(%error, "the volume could not be counted"),
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
