//! Looks after downloads that are done by RQ's workers, which say nothing of themselves: states follow how their jobs stand,
//! and every wait for one ends. Knows no Redis.

mod briefing;
mod patience;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Duration, MissedTickBehavior, interval};
use tracing::warn;

use crate::broker::Leader;
use crate::catalog::{Catalog, Change, Row};
use crate::delivery::Delivery;
use crate::jobs::QueueError;
use crate::jobs::rq::RqJobs;
use crate::recording::{Code, Sid, State};
use crate::registry::Registry;
use crate::signals::{Signal, Signals};
use crate::telemetry;
use crate::volume::Volume;

pub(super) use briefing::Briefing;
pub(super) use patience::Patience;
use patience::{Seen, Verdict};

/// From one look at the jobs of what is waited for to the next.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// From one look at all the others to the next.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(60);
/// Jobs asked about at once.
const ASKED_AT_ONCE: usize = 256;

/// One foreman for each server; clones share the parts.
#[derive(Clone)]
pub(super) struct Foreman {
    pub queue: RqJobs,
    pub delivery: Delivery,
    pub registry: Registry,
    pub catalog: Arc<dyn Catalog>,
    pub volume: Volume,
    pub signals: Arc<dyn Signals>,
    pub patience: Patience,
}

impl Foreman {
    /// Looks after what is waited for at this server. Goes on for as long as it is polled.
    pub async fn watch(self) {
        let mut seen = HashMap::new();
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let slot =
                |sid: Sid| self.registry.pin(sid).get().map(|(recording, status)| ((*recording).clone(), status));
            let rows = self.registry.waited_for().into_iter().filter_map(slot).collect();
            // While nobody knows how jobs stand, nobody's patience runs out.
            if self.look(rows, &mut seen).await.is_err() {
                seen.clear();
            }
        }
    }

    /// Looks after what nobody waits for, where this server leads: ends are noted for whoever asks next. Goes on for as long as
    /// it is polled.
    pub async fn watch_all(self, leader: Leader) {
        loop {
            tokio::time::sleep(LOOK_AT_ALL_EVERY).await;
            if !leader.leads() {
                continue;
            }
            let mut seen = HashMap::new();
            for look in 0..2 {
                tokio::time::sleep(LOOK_EVERY * look).await;
                let looked = match self.catalog.pending().await {
                    Ok(rows) => self.look(rows, &mut seen).await,
                    Err(error) => Err(QueueError(error.0)),
                };
                if let Err(error) = looked {
                    warn!(%error, "how downloads stand that nobody waits for is unknown");
                }
            }
        }
    }

    /// One look at the jobs of these recordings; `seen` is what the last one saw.
    async fn look(&self, rows: Vec<Row>, seen: &mut HashMap<Sid, Seen>) -> Result<(), QueueError> {
        let rows: Vec<Row> = rows.into_iter().filter(|(_, status)| status.state.is_pending()).collect();
        let mut before = std::mem::take(seen);
        for rows in rows.chunks(ASKED_AT_ONCE) {
            let sids: Vec<Sid> = rows.iter().map(|(recording, _)| recording.sid).collect();
            for (row, standing) in rows.iter().zip(self.queue.standing(&sids).await?) {
                let sid = row.0.sid;
                let now = Seen::again(before.remove(&sid), row.1.v, standing);
                let verdict = self.patience.judge(&now, row.1.state);
                seen.insert(sid, now);
                self.act(row, verdict).await;
            }
        }
        Ok(())
    }

    async fn act(&self, row: &Row, verdict: Verdict) {
        let sid = row.0.sid;
        match verdict {
            Verdict::Wait => {}
            Verdict::Show(state) => self.change(row, Change::to(state)).await,
            Verdict::Fail(code, why) => {
                // The volume is the truth, whatever is said of the job.
                match self.volume.find_off_thread(sid).await {
                    Ok(Some(landed)) => self.delivery.landed(sid, Some(landed.media)).await,
                    Ok(None) | Err(_) => self.fail(row, code, why).await,
                }
            }
        }
    }

    async fn fail(&self, row: &Row, code: Code, why: &str) {
        telemetry::download_ended(row.0.sid, "failed", code, why);
        self.change(row, Change::because(State::Failed, code)).await;
    }

    /// Notes it and tells every server. What the catalog does not take now is looked at again soon; an end is told all the same.
    async fn change(&self, (recording, _): &Row, change: Change) {
        let sid = recording.sid;
        match self.catalog.change(sid, &[State::Queued, State::Downloading], change).await {
            Ok(Some(status)) => self.signals.send(Signal::Changed(Box::new((recording.clone(), status)))),
            // Somebody else was quicker, and tells.
            Ok(None) => {}
            Err(error) => {
                warn!(%sid, %error, "how a download stands could not be noted");
                if let Change { state: State::Failed, code: Some(code), .. } = change {
                    self.signals.send(Signal::GivenUp(sid, code));
                }
            }
        }
    }
}
