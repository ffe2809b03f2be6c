//! The port to the queue of downloads: unique per recording, plays before prefetches, fair between tenants. Knows
//! neither provider nor volume.

mod embedded;

use std::fmt;

use async_trait::async_trait;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::recording::{Sid, Tenant};

pub use embedded::EmbeddedJobs;

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
}

/// What the product needs of a queue.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Makes sure a job for the recording exists, at that priority at least. Returns whether it is new.
    async fn ensure(&self, job: Job) -> Result<bool, QueueError>;

    /// Forgets the recording's job; a worker that has it in hand is told to let it go.
    async fn withdraw(&self, sid: Sid) -> Result<(), QueueError>;

    /// Waits for the next job this worker may do.
    async fn lease(&self) -> Box<dyn Lease>;

    /// How many jobs there are; constant time.
    fn depth(&self) -> Depth;
}

/// A job in hand. Dropped without a word (its worker died), it becomes ready again.
#[async_trait]
pub trait Lease: Send {
    /// The job.
    fn job(&self) -> &Job;

    /// How many tries there were before this one.
    fn tries(&self) -> u32;

    /// When the first try began.
    fn begun(&self) -> Instant;

    /// Cancelled when nobody wants the job done any more.
    fn withdrawn(&self) -> CancellationToken;

    /// The job is done, or given up.
    async fn finish(self: Box<Self>);

    /// The job is to be tried again after a while.
    async fn retry(self: Box<Self>, after: Duration);
}
