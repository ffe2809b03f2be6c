//! Finds the recordings whose callback was lost, or is never sent: asks the source about calls of which nothing was heard.
//! Knows no listener.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Duration, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::broker::Leader;
use crate::catalog::{Callback, Catalog, CatalogError, Change, Kept};
use crate::delivery::Delivery;
use crate::recording::{Code, Recording, Sid, State, Timestamp};
use crate::source::{Source, SourceError};
use crate::telemetry;

/// Calls older than this are left to those who play them.
const DAY_MS: i64 = 86_400_000;
/// Calls looked at in one round, the newest first.
const MOST_CALLS: usize = 2000;
/// Calls asked about in one round.
const MOST_ASKED: usize = 6;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause of a source that asks for one without saying how long.
const BUSY_PAUSE: Duration = Duration::from_secs(60);
/// The pause of a source that answers nothing of use.
const BROKEN_PAUSE: Duration = Duration::from_secs(600);

/// How often the source is asked about calls of which nothing was heard.
#[derive(Clone, Copy, Debug)]
pub struct RecoverOptions {
    /// The ages of a call at which it is asked about.
    pub ages: [Duration; 4],
    /// From one round to the next.
    pub every: Duration,
    /// Between two questions of a round.
    pub spacing: Duration,
}

impl Default for RecoverOptions {
    fn default() -> Self {
        Self {
            ages: [120, 600, 3600, 6 * 3600].map(Duration::from_secs),
            every: Duration::from_secs(60),
            spacing: Duration::from_secs(10),
        }
    }
}

/// The recovery of one account's calls.
pub(super) struct Recovery {
    pub account: String,
    pub delivery: Delivery,
    pub catalog: Arc<dyn Catalog>,
    pub source: Arc<dyn Source>,
    pub leader: Leader,
    pub options: RecoverOptions,
}

impl Recovery {
    /// Goes on for as long as it is polled.
    pub async fn run(self) {
        // How many of the ages a call had reached when it was asked about. A restart may ask once more.
        let mut asked: HashMap<Sid, usize> = HashMap::new();
        let mut rounds = interval(self.options.every);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            if !self.leader.leads() {
                continue;
            }
            match self.due(&mut asked).await {
                Ok(due) => self.round(due, &mut asked).await,
                Err(error) => warn!(%error, "calls without a callback could not be looked for"),
            }
        }
    }

    /// The calls to be asked about, those first that were asked about least.
    async fn due(&self, asked: &mut HashMap<Sid, usize>) -> Result<Vec<(Recording, usize)>, CatalogError> {
        let now = Timestamp::now();
        let calls = self.catalog.unheard(&self.account, (Timestamp(now.0 - DAY_MS), now), MOST_CALLS).await?;
        let before = std::mem::take(asked);
        let mut due = Vec::new();
        for ((recording, _), listed_at) in calls {
            let age = Duration::from_millis((now.0 - listed_at.0).max(0).unsigned_abs());
            let reached = self.options.ages.iter().filter(|due| age >= **due).count();
            let times = before.get(&recording.sid).copied().unwrap_or(0);
            if times > 0 {
                asked.insert(recording.sid, times);
            }
            if reached > times {
                due.push((times, recording, reached));
            }
        }
        due.sort_by_key(|(times, ..)| *times);
        due.truncate(MOST_ASKED);
        Ok(due.into_iter().map(|(_, recording, reached)| (recording, reached)).collect())
    }

    async fn round(&self, due: Vec<(Recording, usize)>, asked: &mut HashMap<Sid, usize>) {
        for (recording, reached) in due {
            let answer = tokio::time::timeout(PATIENCE, self.source.find(&self.account, recording.call_sid)).await;
            let pause = match answer.unwrap_or_else(|_| Err(SourceError::Failed("the source is silent".into()))) {
                Ok(name) => {
                    self.found(&recording, name).await;
                    None
                }
                Err(SourceError::Gone(Code::Absent)) => {
                    self.absent(&recording).await;
                    None
                }
                Err(SourceError::NotYet | SourceError::NotFound { .. } | SourceError::Gone(_)) => None,
                Err(SourceError::Busy { retry_after }) => Some(retry_after.unwrap_or(BUSY_PAUSE)),
                Err(error) => {
                    warn!(account = self.account, %error, "the source could not be asked for recordings without a callback");
                    Some(BROKEN_PAUSE)
                }
            };
            if let Some(pause) = pause {
                return tokio::time::sleep(pause).await;
            }
            asked.insert(recording.sid, reached);
            tokio::time::sleep(self.options.spacing).await;
        }
    }

    /// Treats it as its callback would have been.
    async fn found(&self, recording: &Recording, name: Sid) {
        let callback = Callback {
            recording_sid: name,
            call_sid: recording.call_sid,
            account_sid: self.account.clone(),
            status: "completed".into(),
            received_at: Timestamp::now(),
        };
        let outcome = match self.catalog.keep(&callback, None).await {
            Ok(Kept::Attached(row)) => {
                telemetry::webhook("recovered");
                info!(sid = %recording.sid, recording_sid = %name, "a recording was found whose callback never came");
                self.delivery.prefetch(*row).await.map_err(|error| error.to_string())
            }
            // The callback came meanwhile.
            Ok(Kept::Repeated | Kept::Waiting) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = outcome {
            warn!(sid = %recording.sid, error, "a recording that was found could not be queued");
        }
    }

    async fn absent(&self, recording: &Recording) {
        let gone = Change::because(State::Gone, Code::Absent);
        match self.catalog.change(recording.sid, &[State::Unknown], gone).await {
            Ok(Some(status)) => {
                telemetry::webhook("recovered");
                self.delivery.changed(recording.clone(), status).await;
            }
            Ok(None) => {}
            Err(error) => warn!(sid = %recording.sid, %error, "a recording is absent, and that could not be noted"),
        }
    }
}
