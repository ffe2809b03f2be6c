//! A job in this worker's hand: its heartbeat, and its end. Whether it is still held is for Redis to say.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::time::{Duration, Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::scripts::{self, Beat, End};
use super::{AWAY_PAUSE, BEAT_EVERY, Job, LEASE, Lease, QueueError, RedisJobs};
use crate::recording::Code;
use crate::telemetry;

/// What the job has been through.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    pub tries: u32,
    pub begun: Instant,
    pub deaths: u32,
}

/// What the heartbeat and the worker both know.
pub(super) struct Held {
    pub queue: RedisJobs,
    pub job: Job,
    pub token: String,
    pub history: History,
    /// When Redis was asked what it last answered with yes.
    heard: Mutex<Instant>,
    pub withdrawn: CancellationToken,
}

pub(super) struct RedisLease {
    held: Arc<Held>,
    over: bool,
    /// Ends the heartbeat.
    _beats: DropGuard,
}

impl RedisLease {
    /// Begins a lease that was asked for at `asked`.
    pub fn begin(queue: RedisJobs, job: Job, token: String, asked: Instant, history: History) -> Self {
        let (withdrawn, ended) = (CancellationToken::new(), CancellationToken::new());
        let held = Arc::new(Held { queue, job, token, history, heard: Mutex::new(asked), withdrawn });
        held.queue.0.in_hand().insert(held.job.sid, held.clone());
        let beats = ended.clone().run_until_cancelled_owned(held.clone().beats());
        held.queue.0.tasks.spawn(beats);
        Self { held, over: false, _beats: ended.drop_guard() }
    }

    async fn end(&mut self, end: End) {
        self.over = true;
        match self.held.end(end).await {
            Ok(true) => {}
            Ok(false) => telemetry::lease_lost(self.held.job.sid),
            // The worker has other things to do than to wait for Redis.
            Err(_) => self.held.end_later(end),
        }
    }
}

impl Held {
    async fn beats(self: Arc<Self>) {
        loop {
            tokio::time::sleep(BEAT_EVERY).await;
            match self.beat().await {
                Ok(Beat::Held) | Err(_) => {}
                Ok(Beat::Withdrawn) => return self.withdrawn.cancel(),
                Ok(Beat::Lost) => {
                    telemetry::lease_lost(self.job.sid);
                    return self.withdrawn.cancel();
                }
            }
        }
    }

    /// Tells Redis that this worker lives, and hears whether the job is still its.
    async fn beat(&self) -> Result<Beat, QueueError> {
        let asked = Instant::now();
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let beat = scripts::beat(self, LEASE, asked.duration_since(heard) < LEASE).await?;
        if beat != Beat::Lost {
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        }
        Ok(beat)
    }

    async fn end(&self, end: End) -> Result<bool, QueueError> {
        scripts::end(&self.queue.0, self.job.sid, &self.token, end).await
    }

    /// Says it again until Redis hears it, or the lease has ended by itself.
    fn end_later(self: &Arc<Self>, end: End) {
        let held = self.clone();
        self.queue.0.tasks.spawn(async move {
            let until = Instant::now() + LEASE;
            while held.end(end).await.is_err() && Instant::now() < until {
                tokio::time::sleep(AWAY_PAUSE).await;
            }
        });
    }
}

impl Drop for RedisLease {
    fn drop(&mut self) {
        if !self.over {
            self.held.end_later(End::Again(Duration::ZERO));
        }
        let mut in_hand = self.held.queue.0.in_hand();
        // This worker may have lost the job and got it again.
        if in_hand.get(&self.held.job.sid).is_some_and(|held| Arc::ptr_eq(held, &self.held)) {
            in_hand.remove(&self.held.job.sid);
        }
    }
}

#[async_trait]
impl Lease for RedisLease {
    fn job(&self) -> &Job {
        &self.held.job
    }

    fn tries(&self) -> u32 {
        self.held.history.tries
    }

    fn begun(&self) -> Instant {
        self.held.history.begun
    }

    fn deaths(&self) -> u32 {
        self.held.history.deaths
    }

    fn withdrawn(&self) -> CancellationToken {
        self.held.withdrawn.clone()
    }

    async fn is_held(&self) -> bool {
        // While Redis is away nobody else can have got the job.
        !matches!(self.held.beat().await, Ok(Beat::Lost))
    }

    async fn finish(mut self: Box<Self>) {
        self.end(End::Done).await;
    }

    async fn give_up(mut self: Box<Self>, why: Code) {
        self.end(End::Dead(why.as_str())).await;
    }

    async fn retry(mut self: Box<Self>, after: Duration) {
        self.end(End::Again(after)).await;
    }
}
