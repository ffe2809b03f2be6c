//! Takes over the calls of another system's table, so that lists show them: the newest first when it begins, then what is
//! new, and what has changed of late. Knows no column.

use std::sync::Arc;

use quick_cache::unsync::Cache;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::broker::Leader;
use crate::catalog::{CallLog, Catalog, CatalogError, LOG_PAGE, Legs, LogEntry, Place, Skipped};
use crate::delivery::Delivery;
use crate::recording::Timestamp;
use crate::telemetry;

/// How late a new call may be in lists.
const EVERY: Duration = Duration::from_secs(5);
/// Rows may become visible in another order than their times: transactions end when they like.
const OVERLAP: Duration = Duration::from_secs(120);
/// Rows change after they were written: a call ends, its recording gets a name. So far back they are looked at again, …
const CHANGED_WITHIN: Duration = Duration::from_secs(2 * 3600);
/// … each so many rounds.
const CHANGES_EVERY: u32 = 12;
/// Rows whose content is remembered: what has not changed is not registered again.
const MOST_SEEN: usize = 65_536;
/// Of what was there before, so much in one round, so that what is new need not wait.
const OLD_WITHIN: Duration = Duration::from_secs(5);
/// Rows registered before it is noted that they are.
const AT_ONCE: usize = 50;
/// Between two pages: listeners come first.
const PAUSE: Duration = Duration::from_millis(20);

/// How far it has come; kept in our catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Everything up to there has been read, but for what is older than `oldest`.
    newest: Place,
    /// Nothing before it has been read; none when all has.
    oldest: Option<Place>,
}

/// The pull of one table.
pub(super) struct Pull {
    call_log: Arc<CallLog>,
    catalog: Arc<dyn Catalog>,
    delivery: Delivery,
    leader: Leader,
    /// What was read of each call.
    seen: Cache<String, u64>,
    /// Rows of this round that are no calls.
    skipped: Vec<Skipped>,
}

impl Pull {
    pub fn new(call_log: Arc<CallLog>, catalog: Arc<dyn Catalog>, delivery: Delivery, leader: Leader) -> Self {
        Self { call_log, catalog, delivery, leader, seen: Cache::new(MOST_SEEN), skipped: Vec::new() }
    }

    /// Goes on for as long as it is polled.
    pub async fn run(mut self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut rounds, mut fails) = (0, false);
        loop {
            ticks.tick().await;
            if !self.leader.leads() {
                continue;
            }
            let overlap = if rounds % CHANGES_EVERY == 0 { CHANGED_WITHIN } else { OVERLAP };
            let outcome = self.round(overlap).await;
            self.tell_skipped();
            match &outcome {
                Ok(()) if fails => info!("call_log can be read again"),
                // Said once: it may last.
                Err(error) if !fails => warn!(%error, "new calls are not taken over from call_log"),
                _ => {}
            }
            fails = outcome.is_err();
            if !fails {
                rounds = rounds.wrapping_add(1);
            }
        }
    }

    async fn round(&mut self, overlap: Duration) -> Result<(), CatalogError> {
        let mut progress = match self.progress().await? {
            Some(progress) => progress,
            None => self.begin().await?,
        };
        self.read_new(&mut progress, overlap).await?;
        self.read_old(&mut progress).await
    }

    /// Begins with the newest rows; what was there before follows from there back.
    async fn begin(&mut self) -> Result<Progress, CatalogError> {
        let page = self.call_log.before(&Place::end()).await?;
        let newest = page.first().and_then(|entry| entry.place.clone());
        self.take(page).await?;
        let start = newest.clone().unwrap_or(Place { at: 0, call_sid: String::new() });
        // What is read forwards begins an overlap earlier.
        let progress = Progress { oldest: newest.map(|place| place.less(OVERLAP)), newest: start };
        self.note(&progress).await?;
        Ok(progress)
    }

    async fn read_new(&mut self, progress: &mut Progress, overlap: Duration) -> Result<(), CatalogError> {
        // A clock that was ahead once must not hide what is written from then on.
        let now = Place { at: Timestamp::now().0.saturating_mul(1000), call_sid: String::new() };
        let mut place = progress.newest.clone().min(now).less(overlap);
        loop {
            let page = self.call_log.after(&place).await?;
            let (is_last, end) = (page.len() < LOG_PAGE, page.last().and_then(|entry| entry.place.clone()));
            self.take(page).await?;
            let Some(end) = end else { return Ok(()) };
            place = end;
            if place > progress.newest {
                progress.newest = place.clone();
                self.note(progress).await?;
            }
            if is_last {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn read_old(&mut self, progress: &mut Progress) -> Result<(), CatalogError> {
        let begun = Instant::now();
        while let Some(place) = progress.oldest.take() {
            let page = self.call_log.before(&place).await?;
            let end = page.last().and_then(|entry| entry.place.clone());
            progress.oldest = end.filter(|_| page.len() == LOG_PAGE);
            self.take(page).await?;
            self.note(progress).await?;
            if progress.oldest.is_none() {
                info!("all calls of call_log are taken over");
            }
            if begun.elapsed() >= OLD_WITHIN {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Registers what is new or has changed, some at a time: what was done of a page that fails is not done again.
    async fn take(&mut self, page: Vec<LogEntry>) -> Result<(), CatalogError> {
        let key = |entry: &LogEntry| entry.place.as_ref().map(|place| format!("{} {}", place.at, place.call_sid));
        let mut page = page.into_iter().peekable();
        while page.peek().is_some() {
            let some: Vec<LogEntry> = page.by_ref().take(AT_ONCE).collect();
            let keys: Vec<(String, u64)> = some.iter().filter_map(|entry| Some((key(entry)?, entry.hash))).collect();
            let is_new = |entry: &LogEntry| key(entry).is_none_or(|key| self.seen.get(&key) != Some(&entry.hash));
            let fresh: Vec<LogEntry> = some.into_iter().filter(is_new).collect();
            if fresh.is_empty() {
                continue;
            }
            let mut adopted = self.call_log.take(fresh, Legs::AsParents).await?;
            self.skipped.append(&mut adopted.skipped);
            self.delivery.adopted(adopted).await;
            keys.into_iter().for_each(|(key, hash)| self.seen.insert(key, hash));
        }
        Ok(())
    }

    fn tell_skipped(&mut self) {
        while let Some(why) = self.skipped.last().copied() {
            let before = self.skipped.len();
            self.skipped.retain(|other| *other != why);
            telemetry::call_log_skipped(before - self.skipped.len(), why.why());
        }
    }

    async fn progress(&self) -> Result<Option<Progress>, CatalogError> {
        let text = self.catalog.bookmark(&self.call_log.name()).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn note(&self, progress: &Progress) -> Result<(), CatalogError> {
        let text = serde_json::to_string(progress).map_err(|error| CatalogError(error.to_string()))?;
        self.catalog.set_bookmark(&self.call_log.name(), &text).await
    }
}
