//! The use case of a worker: lease a job, open the source, land, signal. Knows no listener and no protocol.

mod error;
#[cfg(test)]
mod tests;
mod verdict;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalog::{Catalog, CatalogError, Change, Row};
use crate::jobs::{Job, Jobs, Lease, Priority};
use crate::recording::{Media, Progress, Recording, Sid, State, Timestamp};
use crate::signals::{Signal, Signals};
use crate::source::{Download, Source, SourceError};
use crate::telemetry;
use crate::volume::{Landing, LandingError, Volume, blocking};

use error::FetchError;
use verdict::{History, Verdict};

/// Bytes gathered before the disk is bothered: a hop to another thread for each network packet would cost more.
const WRITE: usize = 256 * 1024;
/// From one word about progress to the next: a little more than what listeners are told at the most, so that none of
/// it, the last above all, is dropped on the way.
const TELL_EVERY: Duration = Duration::from_millis(300);
/// A job that came while nothing may be landed here is left to others so long.
const NOT_HERE: Duration = Duration::from_secs(1);
/// Longest time one try may take, however steadily the source drips.
const TRY_AT_MOST: Duration = Duration::from_secs(30 * 60);

/// A job that so many workers have died over is not tried by another.
const MOST_DEATHS: u32 = 5;

/// How a worker works.
#[derive(Clone, Copy, Debug)]
pub struct FetchOptions {
    /// Downloads at once.
    pub concurrency: usize,
    /// From the first try of a job until it has failed.
    pub give_up_after: Duration,
}

/// A worker; clones share it.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    catalog: Arc<dyn Catalog>,
    jobs: Arc<dyn Jobs>,
    source: Arc<dyn Source>,
    volume: Volume,
    signals: Arc<dyn Signals>,
    options: FetchOptions,
    /// Told of each landing, after its listeners: for what has time.
    landed: mpsc::Sender<Sid>,
}

/// What a try came to.
enum Outcome {
    /// The recording lies in the volume.
    Landed(Media),
    /// Nothing is to be done: settled meanwhile, or never registered.
    Idle,
}

impl Fetcher {
    /// A worker over these parts.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        jobs: Arc<dyn Jobs>,
        source: Arc<dyn Source>,
        volume: Volume,
        signals: Arc<dyn Signals>,
        options: FetchOptions,
        landed: mpsc::Sender<Sid>,
    ) -> Self {
        Self(Arc::new(Inner { catalog, jobs, source, volume, signals, options, landed }))
    }

    /// Works until told to stop; what is under way then is dropped and leaves no part behind. From `drain` on no job is
    /// begun, and none while it `may_land` nothing.
    pub fn start(
        &self,
        tasks: &TaskTracker,
        drain: &CancellationToken,
        stop: &CancellationToken,
        may_land: &watch::Receiver<bool>,
    ) {
        for _ in 0..self.0.options.concurrency.max(1) {
            let (fetcher, drain, stop, mut may_land) = (self.clone(), drain.clone(), stop.clone(), may_land.clone());
            tasks.spawn(async move {
                let work = async {
                    while let Some(Some(lease)) = drain.run_until_cancelled(fetcher.next(&mut may_land)).await {
                        if *may_land.borrow() {
                            fetcher.work(lease).await;
                        } else {
                            lease.retry(NOT_HERE).await;
                        }
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = work => {}
                }
            });
        }
    }

    /// The next job, as soon as something may be landed here; `None` when whoever could say so has gone.
    async fn next(&self, may_land: &mut watch::Receiver<bool>) -> Option<Box<dyn Lease>> {
        may_land.wait_for(|may| *may).await.ok()?;
        Some(self.0.jobs.lease().await)
    }

    async fn work(&self, lease: Box<dyn Lease>) {
        let sid = lease.job().sid;
        if lease.deaths() >= MOST_DEATHS {
            return self.judge(lease, FetchError::Deadly).await;
        }
        let begun = Instant::now();
        // A panic over one odd file must cost neither this worker nor those who wait.
        let attempt = AssertUnwindSafe(self.attempt(&*lease)).catch_unwind();
        let outcome = match tokio::time::timeout(TRY_AT_MOST, attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(SourceError::Failed("the worker panicked".into()).into()),
            Err(_) => Err(SourceError::Failed("the source drips without end".into()).into()),
        };
        match outcome {
            Ok(Outcome::Landed(media)) => {
                telemetry::download_landed(sid, media.size, begun.elapsed());
                if self.0.landed.try_send(sid).is_err() {
                    telemetry::limited("peaks_waiting");
                }
                lease.finish().await;
            }
            Ok(Outcome::Idle) => lease.finish().await,
            Err(error) => self.judge(lease, error).await,
        }
    }

    /// One try.
    async fn attempt(&self, lease: &dyn Lease) -> Result<Outcome, FetchError> {
        let (sid, withdrawn) = (lease.job().sid, lease.withdrawn());
        let Inner { catalog, volume, signals, .. } = &*self.0;
        let Some((recording, status)) = catalog.find(&[sid]).await?.pop().flatten() else {
            return Ok(Outcome::Idle);
        };
        if status.is_removed() {
            return self.remove((recording, status)).await;
        }
        if status.state.is_settled() {
            return Ok(Outcome::Idle);
        }
        // The volume is the truth: somebody else, or we before a restart, may have landed it.
        if let Some(landed) = volume.find_off_thread(sid).await.map_err(LandingError::Volume)? {
            return self.landed(recording, landed.media).await;
        }
        self.change(&recording, Change::to(State::Downloading)).await?;
        // Landing itself is never cut short: whoever gives a file its final name looks after it.
        let received = tokio::select! {
            received = self.receive(recording) => received?,
            () = withdrawn.cancelled() => None,
        };
        let Some((recording, landing)) = received else { return Ok(Outcome::Idle) };
        // One who was taken for dead leaves the landing to whoever has the job now.
        if !lease.is_held().await {
            return Ok(Outcome::Idle);
        }
        let media = blocking(move || landing.commit()).await?;
        signals.send(Signal::Landed(sid, Some(media)));
        self.landed(recording, media).await
    }

    /// Fetches a recording's bytes into a part; `None` where it is gone.
    async fn receive(&self, mut recording: Recording) -> Result<Option<(Recording, Landing)>, FetchError> {
        let Inner { catalog, source, volume, signals, .. } = &*self.0;
        let sid = recording.sid;
        let name = match recording.recording_sid {
            Some(name) => name,
            None => {
                let name = self.in_time(source.find(&recording.account_sid, recording.call_sid)).await?;
                if let Some(named) = catalog.name(sid, name).await? {
                    let is_gone = named.1.state == State::Gone;
                    // Told at once, so that `ready` carries the name.
                    recording = named.0.clone();
                    signals.send(Signal::Changed(Box::new(named)));
                    if is_gone {
                        return Ok(None);
                    }
                }
                name
            }
        };
        let download = self.in_time(source.open(&recording.account_sid, name)).await?;
        let (volume, total) = (volume.clone(), download.total);
        let landing = blocking(move || volume.begin(sid, total)).await?;
        signals.send(Signal::Progress(sid, Progress { received: 0, total }));
        Ok(Some((recording, self.pour(sid, download, landing).await?)))
    }

    /// Whoever waits is told in the end, also where the source would be given more patience than the whole job has.
    async fn in_time<T>(&self, step: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
        tokio::time::timeout(self.0.options.give_up_after, step).await.unwrap_or_else(|_| Err(silent()))
    }

    /// Writes the body into the part as it comes: in large pieces when it is fast, now and then when it is slow.
    async fn pour(&self, sid: Sid, download: Download, mut landing: Landing) -> Result<Landing, FetchError> {
        let Download { total, mut body } = download;
        let mut gathered = BytesMut::with_capacity(WRITE);
        let mut ticks = tokio::time::interval_at(Instant::now() + TELL_EVERY, TELL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut told, mut heard) = (0, Instant::now());
        loop {
            let (over, tell) = tokio::select! {
                chunk = body.next() => match chunk.transpose()? {
                    Some(chunk) => {
                        gathered.extend_from_slice(&chunk);
                        heard = Instant::now();
                        (false, false)
                    }
                    None => (true, false),
                },
                _ = ticks.tick() => (false, true),
            };
            if heard.elapsed() > self.0.options.give_up_after {
                return Err(silent().into());
            }
            // Who follows reads what it is told of.
            let tell = tell && landing.written() + gathered.len() as u64 > told;
            if gathered.len() >= WRITE || tell || (over && !gathered.is_empty()) {
                let bytes = std::mem::take(&mut gathered);
                (landing, gathered) = blocking(move || {
                    landing.write(&bytes)?;
                    if tell {
                        landing.show()?;
                    }
                    let mut empty = bytes;
                    empty.clear();
                    Ok::<_, LandingError>((landing, empty))
                })
                .await?;
            }
            if over {
                return Ok(landing);
            }
            if tell {
                told = landing.written();
                self.0.signals.send(Signal::Progress(sid, Progress { received: told, total }));
            }
        }
    }

    /// Notes a landing in the catalog and tells those who did not hear of it by the first signal.
    async fn landed(&self, recording: Recording, media: Media) -> Result<Outcome, FetchError> {
        // The catalog may be slower to come back than the recording was to land: the job stays until it is noted.
        if let Some(status) = self.0.catalog.landed(&[(recording.sid, media)]).await?.pop().flatten() {
            self.0.signals.send(Signal::Changed(Box::new((recording, status))));
            return Ok(Outcome::Landed(media));
        }
        // Noted by somebody else; or erased since we looked.
        match self.0.catalog.find(&[recording.sid]).await?.pop().flatten() {
            Some(row) if row.1.is_removed() => self.remove(row).await,
            _ => Ok(Outcome::Landed(media)),
        }
    }

    /// Removes a file that landed although its recording was erased, or has expired, meanwhile.
    async fn remove(&self, row: Row) -> Result<Outcome, FetchError> {
        let (volume, sid) = (self.0.volume.clone(), row.0.sid);
        blocking(move || volume.remove(sid)).await.map_err(LandingError::Volume)?;
        self.0.signals.send(Signal::Changed(Box::new(row)));
        Ok(Outcome::Idle)
    }

    /// Decides what a failed try means: another one, failure, or that there will never be a recording.
    async fn judge(&self, lease: Box<dyn Lease>, error: FetchError) {
        let sid = lease.job().sid;
        // What it means for the job is for its new worker to say, and for the waiters to hear from that.
        if !lease.is_held().await {
            return;
        }
        let started = match self.0.catalog.find(&[sid]).await {
            Ok(mut rows) => rows.pop().flatten(),
            Err(_) => None,
        };
        let history = History {
            tries: lease.tries(),
            since_first: lease.begun().elapsed(),
            give_up_after: self.0.options.give_up_after,
            old: started.as_ref().is_some_and(|(recording, _)| is_old(recording, &error)),
        };
        let verdict = Verdict::on(&error, history);
        let change = match verdict {
            Verdict::Retry(code, after) => {
                telemetry::download_retried(sid, code, after, &error.to_string());
                Change { state: State::Queued, code: Some(code), retry_at: Some(Timestamp::now().plus(after)) }
            }
            Verdict::Fail(code) => {
                telemetry::download_ended(sid, "failed", code, &error.to_string());
                Change::because(State::Failed, code)
            }
            Verdict::Gone(code) => {
                telemetry::download_ended(sid, "gone", code, &error.to_string());
                Change::because(State::Gone, code)
            }
        };
        let noted = match started {
            Some((recording, _)) => self.change(&recording, change).await,
            None => Err(CatalogError("the catalog does not answer".into())),
        };
        match (verdict, noted) {
            (Verdict::Retry(_, after), _) => lease.retry(after).await,
            // The job stays until its end can be written down; waiters need not wait for that.
            (Verdict::Fail(code) | Verdict::Gone(code), Err(_)) => {
                self.0.signals.send(Signal::GivenUp(sid, code));
                lease.retry(verdict::CATALOG_PAUSE).await;
            }
            (Verdict::Fail(code), Ok(())) => {
                lease.give_up(code).await;
                self.take_up_again(sid).await;
            }
            (Verdict::Gone(_), Ok(())) => {
                lease.finish().await;
                self.take_up_again(sid).await;
            }
        }
    }

    /// Whoever plays at the moment of failure may still have found the old job, which is over now.
    async fn take_up_again(&self, sid: Sid) {
        // What does not answer now is found by the sweep, as long as somebody waits.
        let Ok(mut rows) = self.0.catalog.find(&[sid]).await else { return };
        if let Some((recording, status)) = rows.pop().flatten()
            && status.state.is_pending()
        {
            let job = Job { sid: recording.sid, tenant: recording.tenant, priority: Priority::Play };
            let _ = self.0.jobs.ensure(job).await;
        }
    }

    async fn change(&self, recording: &Recording, change: Change) -> Result<(), CatalogError> {
        let from = [State::Unknown, State::Queued, State::Downloading, State::Failed];
        if let Some(status) = self.0.catalog.change(recording.sid, &from, change).await? {
            self.0.signals.send(Signal::Changed(Box::new((recording.clone(), status))));
        }
        Ok(())
    }
}

fn silent() -> SourceError {
    SourceError::Failed("the source is silent".into())
}

/// Whether the call was so long over when the source had no media that none can still be on the way.
fn is_old(recording: &Recording, error: &FetchError) -> bool {
    const FRESH_MS: i64 = 3600 * 1000;
    let FetchError::Source(SourceError::NotFound { at: said_at }) = error else { return false };
    recording.about.started_at.is_some_and(|at| {
        let ended = at.0 + i64::from(recording.about.duration_s.unwrap_or(0)) * 1000;
        ended + FRESH_MS < said_at.0
    })
}
