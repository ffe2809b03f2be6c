//! Jobs in Redis, for workers on many machines. What a job's state becomes is decided by scripts, in Redis and by its
//! clock; here is who asks when. Knows no download.

mod lease;
mod scripts;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use redis::Value;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

use super::{DEAD_KEPT, Depth, Job, Jobs, Lease, Priority, QueueError};
use crate::broker::{Broker, BrokerError, Heard};
use crate::recording::{Sid, Tenant};
use crate::telemetry;
use lease::{Held, History, RedisLease};

/// A worker that says nothing for so long has lost its job: somebody else does it.
const LEASE: Duration = Duration::from_secs(10);
/// From one word of a worker at work to the next.
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// How late that word may be.
const BEAT_LATE: Duration = Duration::from_secs(1);
/// Without a message, one idle slot of each worker looks for jobs so often: how late a dead worker's job may be found,
/// beyond its lease.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Between two looks while Redis does not answer.
const AWAY_PAUSE: Duration = Duration::from_millis(500);
/// Jobs that are kept; beyond, new ones are refused.
const MOST: usize = 500_000;

/// The queue; clones share it.
#[derive(Clone)]
pub struct RedisJobs(Arc<Inner>);

struct Inner {
    broker: Broker,
    channel: String,
    per_tenant: usize,
    /// The one idle slot that looks for a job; the others are in line for that.
    looks: tokio::sync::Mutex<()>,
    /// The name of the next lease. Asked again with it, where the answer was not heard, Redis gives the same job.
    token: Arc<tokio::sync::Mutex<String>>,
    /// There may be a job.
    told: Notify,
    in_hand: Mutex<HashMap<Sid, Arc<Held>>>,
    tasks: TaskTracker,
}

enum Claim {
    Given(Box<RedisLease>),
    /// None now; there may be one then.
    Nothing(Duration),
}

impl From<BrokerError> for QueueError {
    fn from(error: BrokerError) -> Self {
        Self(error.0)
    }
}

impl RedisJobs {
    /// The queue in that Redis, which gives out at most `per_tenant` jobs of one tenant at once.
    pub fn new(broker: Broker, per_tenant: usize) -> Self {
        let channel = broker.channel("jobs");
        Self(Arc::new(Inner {
            broker,
            channel,
            per_tenant: per_tenant.max(1),
            looks: tokio::sync::Mutex::default(),
            token: Arc::new(tokio::sync::Mutex::new(fresh_token())),
            told: Notify::new(),
            in_hand: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Listens for jobs that come and jobs that are withdrawn, for as long as it is polled: a worker's part. Without it,
    /// both are noticed too, a few seconds later.
    pub async fn listen(&self) {
        let heard = |heard: Heard<'_>| match heard {
            Heard::Connected | Heard::Message(b"ready") => self.0.told.notify_one(),
            Heard::Message(message) => {
                let withdrawn =
                    message.strip_prefix(b"withdrawn ").and_then(|sid| std::str::from_utf8(sid).ok()?.parse().ok());
                match withdrawn {
                    Some(sid) => self.0.let_go(sid),
                    None => telemetry::signal_lost("malformed"),
                }
            }
        };
        self.0.broker.listen(&self.0.channel, heard).await;
    }

    /// Waits until Redis has heard of all that was handed back, or does not answer.
    pub async fn close(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    async fn ensure_after(&self, job: &Job, after: Duration) -> Result<bool, QueueError> {
        match scripts::ensure(&self.0, job, MOST, after).await? {
            Value::Int(-1) => {
                telemetry::limited("jobs");
                Err(QueueError("there are too many jobs".into()))
            }
            answer => Ok(answer == Value::Int(1)),
        }
    }

    async fn claim(&self) -> Result<Claim, QueueError> {
        let mut token = self.0.token.clone().lock_owned().await;
        let asked = Instant::now();
        let answer = scripts::claim(&self.0, &token, LEASE).await?;
        let claimed = match scripts::Claimed::read(&answer) {
            Some(claimed) => claimed,
            None => return Err(QueueError("Redis gave out a job that is none".into())),
        };
        Ok(match claimed {
            scripts::Claimed::Nothing(wait) => Claim::Nothing(wait.map_or(LOOK_EVERY, |wait| wait.min(LOOK_EVERY))),
            scripts::Claimed::Job { job, tries, age, deaths } => {
                let token = std::mem::replace(&mut *token, fresh_token());
                let begun = asked.checked_sub(age).unwrap_or(asked);
                Claim::Given(Box::new(RedisLease::begin(
                    self.clone(),
                    job,
                    token,
                    asked,
                    History { tries, begun, deaths },
                )))
            }
        })
    }

    /// A claim of its own task: who waits for it may be told to stop, and the job must not lie about until its lease ends.
    async fn claim_for_one_who_may_leave(&self) -> Result<Claim, QueueError> {
        let (to, from) = oneshot::channel();
        let jobs = self.clone();
        self.0.tasks.spawn(async move {
            // A lease that nobody takes is dropped, and thereby handed back.
            let _ = to.send(jobs.claim().await);
        });
        from.await.unwrap_or_else(|_| Err(QueueError("the worker is stopping".into())))
    }
}

impl Inner {
    fn in_hand(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Held>>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that has the job in hand, if it is here, is told to let it go.
    fn let_go(&self, sid: Sid) {
        if let Some(held) = self.in_hand().get(&sid) {
            held.withdrawn.cancel();
        }
    }
}

fn fresh_token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

#[async_trait]
impl Jobs for RedisJobs {
    async fn ensure(&self, job: Job) -> Result<bool, QueueError> {
        self.ensure_after(&job, Duration::ZERO).await
    }

    async fn restore(&self, job: Job) -> Result<bool, QueueError> {
        self.ensure_after(&job, BEAT_EVERY + BEAT_LATE).await
    }

    async fn withdraw(&self, sid: Sid) -> Result<(), QueueError> {
        scripts::withdraw(&self.0, sid).await
    }

    async fn lease(&self) -> Box<dyn Lease> {
        let _first = self.0.looks.lock().await;
        loop {
            // Registered before looking: what is told between the look and the wait ends the wait all the same.
            let told = self.0.told.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            let wait = match self.claim_for_one_who_may_leave().await {
                Ok(Claim::Given(lease)) => return lease,
                Ok(Claim::Nothing(wait)) => wait,
                Err(_) => AWAY_PAUSE,
            };
            let _ = tokio::time::timeout(wait, told).await;
        }
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let [ready, delayed, leased, dead] = scripts::depth(&self.0, DEAD_KEPT).await?;
        Ok(Depth { ready, delayed, leased, dead })
    }

    async fn check(&self) -> Result<(), QueueError> {
        Ok(self.0.broker.check().await?)
    }
}
