//! The port to the queue of downloads: unique per recording, plays before prefetches, fair between tenants. Knows
//! neither provider nor volume.

mod embedded;
mod redis;
pub mod rq;
#[cfg(test)]
mod tests;

use std::fmt;

use async_trait::async_trait;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::recording::{Code, Sid, Tenant};

pub use self::redis::RedisJobs;
pub use embedded::EmbeddedJobs;
pub use rq::{RqJobs, RqOptions};

/// Why a download is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The provider says it is there; nobody waits yet.
    Prefetch,
    /// Somebody waits.
    Play,
}

/// One download to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The recording's storage name.
    pub sid: Sid,
    /// Whose turn it takes.
    pub tenant: Tenant,
    /// Why it is wanted.
    pub priority: Priority,
}

/// The queue did not answer.
#[derive(Debug)]
pub struct QueueError(pub String);

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueueError {}

/// Jobs by state, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Can be leased now.
    pub ready: u64,
    /// Wait for their next try.
    pub delayed: u64,
    /// Are being worked on.
    pub leased: u64,
    /// Were given up within the last day; the queue does not remember more than a thousand of these.
    pub dead: u64,
}

/// What the product needs of a queue.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Makes sure a job for the recording exists, at that priority at least. Returns whether it is new.
    async fn ensure(&self, job: Job) -> Result<bool, QueueError>;

    /// The same for a recording whose last job, if it had one, is known to be over: nothing that the queue may remember of that
    /// one's end counts.
    async fn begin(&self, job: Job) -> Result<bool, QueueError> {
        self.ensure(job).await
    }

    /// The same for a recording whose download is said to be under way: where its job is lost, its worker gets time to say
    /// that it is at it.
    async fn restore(&self, job: Job) -> Result<bool, QueueError> {
        self.ensure(job).await
    }

    /// Forgets the recording's job; a worker that has it in hand is told to let it go.
    async fn withdraw(&self, sid: Sid) -> Result<(), QueueError>;

    /// Waits for the next job this worker may do.
    async fn lease(&self) -> Box<dyn Lease>;

    /// How many jobs there are; constant time.
    async fn depth(&self) -> Result<Depth, QueueError>;

    /// Whether it answers.
    async fn check(&self) -> Result<(), QueueError>;
}

/// A dead letter is forgotten after that.
const DEAD_KEPT: Duration = Duration::from_secs(86_400);
/// Dead letters; beyond, the oldest is forgotten.
const MOST_DEAD: usize = 1000;

/// A job in hand. Dropped without a word (its worker died), it becomes ready again. A lease can be lost while it is held:
/// a worker that was stopped for longer than it lasts is taken for dead. What it says of the job then changes nothing.
#[async_trait]
pub trait Lease: Send + Sync {
    /// The job.
    fn job(&self) -> &Job;

    /// How many tries there were before this one.
    fn tries(&self) -> u32;

    /// When the first try began.
    fn begun(&self) -> Instant;

    /// How often the job's worker has died over it.
    fn deaths(&self) -> u32;

    /// Cancelled when nobody wants the job done any more, or not by this worker: the lease is lost.
    fn withdrawn(&self) -> CancellationToken;

    /// Whether the lease is not lost, as far as can be told.
    async fn is_held(&self) -> bool;

    /// The job is done.
    async fn finish(self: Box<Self>);

    /// The job will not be done: it is a dead letter.
    async fn give_up(self: Box<Self>, why: Code);

    /// The job is to be tried again after a while.
    async fn retry(self: Box<Self>, after: Duration);
}
