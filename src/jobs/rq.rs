//! Jobs for RQ's workers, which are not ours: how a job is handed to them, and how it stands with them. Decided by scripts,
//! in Redis and by its clock. Knows no download: such a worker lands files by itself.

mod call;
mod packed;
mod pickle;
mod scripts;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::time::Duration;

use super::{Depth, Job, Jobs, Lease, Priority, QueueError};
use crate::broker::Broker;
use crate::recording::{Sid, Timestamp};
use crate::telemetry;

pub use call::{Call, Serializer, Told, known_names, unknown_name};
use scripts::Ensured;

/// Jobs in line; beyond, new ones are refused.
const MOST: usize = 500_000;

/// How to speak to the workers.
#[derive(Clone, Debug)]
pub struct RqOptions {
    /// The queue that they work on.
    pub queue: String,
    /// What they are to do.
    pub call: Call,
    /// How they read it.
    pub serializer: Serializer,
    /// How long they may be at one job.
    pub job_timeout: Duration,
    /// How long a job that is done is remembered.
    pub result_ttl: Duration,
    /// How long one that failed is.
    pub failure_ttl: Duration,
}

/// Where the queue learns what to tell of a recording; `None` for one that is not known.
pub type Teller = Arc<dyn Fn(Sid) -> BoxFuture<'static, Result<Option<Told>, QueueError>> + Send + Sync>;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none, or its worker is dead: who asks for it again gets another one.
    Lost,
    /// In line.
    Queued,
    /// A worker is at it.
    Started,
    /// Its worker says that it is done.
    Done,
    /// It failed, or was stopped.
    Failed,
}

impl Standing {
    fn parse(word: &str) -> Self {
        match word {
            "queued" => Self::Queued,
            "started" => Self::Started,
            "done" => Self::Done,
            "failed" => Self::Failed,
            _ => Self::Lost,
        }
    }
}

/// How a queue and its workers are, for people.
#[derive(Clone, Copy, Debug)]
pub struct Staff {
    /// Jobs of all kinds in that queue.
    pub depth: Depth,
    /// Workers of that queue that live.
    pub workers: u64,
    /// Workers are told to pause, all of them (`rq suspend`).
    pub is_suspended: bool,
}

/// The queue; clones share it.
#[derive(Clone)]
pub struct RqJobs(Arc<Inner>);

struct Inner {
    broker: Broker,
    options: RqOptions,
    teller: Teller,
    /// The key of the queue's list.
    line: String,
}

/// What is made of a job that may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Ensure,
    Begin,
    Restore,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ensure => "ensure",
            Self::Begin => "begin",
            Self::Restore => "restore",
        }
    }
}

impl RqJobs {
    /// That queue in that Redis.
    pub fn new(broker: Broker, options: RqOptions, teller: Teller) -> Self {
        let line = format!("rq:queue:{}", options.queue);
        Self(Arc::new(Inner { broker, options, teller, line }))
    }

    /// How the jobs of these recordings stand, in their order. One question for all of them.
    pub async fn standing(&self, sids: &[Sid]) -> Result<Vec<Standing>, QueueError> {
        scripts::standing(&self.0, sids).await
    }

    /// How the queue and its workers are.
    pub async fn staff(&self) -> Result<Staff, QueueError> {
        let (ready, leased, dead, workers, is_suspended) = scripts::depth(&self.0).await?;
        Ok(Staff { depth: Depth { ready, delayed: 0, leased, dead }, workers, is_suspended })
    }

    /// How long a worker may be at one job.
    pub fn job_timeout(&self) -> Duration {
        self.0.options.job_timeout
    }

    async fn ask(&self, job: &Job, mode: Mode) -> Result<bool, QueueError> {
        let at_front = job.priority == Priority::Play;
        let mut ensured = scripts::ensure(&self.0, job.sid, at_front, mode, MOST, &[]).await?;
        if ensured == Ensured::Wanted {
            // What is not registered has no job: nobody can wait for it.
            let Some(told) = (self.0.teller)(job.sid).await? else { return Ok(false) };
            ensured = scripts::ensure(&self.0, job.sid, at_front, mode, MOST, &self.0.fields(&told)).await?;
        }
        if ensured == Ensured::NoRoom {
            telemetry::limited("jobs");
            return Err(QueueError("there are too many jobs".into()));
        }
        Ok(ensured == Ensured::Made)
    }
}

impl Inner {
    /// A new job's hash (`rq.job.Job.to_dict`).
    fn fields(&self, told: &Told) -> Vec<(&'static str, Vec<u8>)> {
        let options = &self.options;
        let (now, seconds) = (Timestamp::now().to_string(), |span: Duration| span.as_secs().to_string());
        let mut fields = vec![("data", packed::packed(&options.call.data(told, options.serializer)))];
        let texts = [
            ("status", "queued".to_owned()),
            ("origin", options.queue.clone()),
            ("description", format!("{} of {} for landfall", options.call.function, told.sid)),
            ("created_at", now.clone()),
            ("enqueued_at", now),
            ("timeout", seconds(options.job_timeout)),
            ("result_ttl", seconds(options.result_ttl)),
            ("failure_ttl", seconds(options.failure_ttl)),
        ];
        fields.extend(texts.map(|(name, text)| (name, text.into_bytes())));
        let unset = ["started_at", "ended_at", "last_heartbeat", "worker_name", "group_id"];
        let callbacks = ["success_callback_name", "failure_callback_name", "stopped_callback_name"];
        fields.extend(unset.into_iter().chain(callbacks).map(|name| (name, Vec::new())));
        fields
    }
}

#[async_trait]
impl Jobs for RqJobs {
    async fn ensure(&self, job: Job) -> Result<bool, QueueError> {
        self.ask(&job, Mode::Ensure).await
    }

    async fn begin(&self, job: Job) -> Result<bool, QueueError> {
        self.ask(&job, Mode::Begin).await
    }

    async fn restore(&self, job: Job) -> Result<bool, QueueError> {
        self.ask(&job, Mode::Restore).await
    }

    async fn withdraw(&self, sid: Sid) -> Result<(), QueueError> {
        scripts::withdraw(&self.0, sid).await
    }

    /// Never: jobs are done by others.
    async fn lease(&self) -> Box<dyn Lease> {
        std::future::pending().await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        Ok(self.staff().await?.depth)
    }

    async fn check(&self) -> Result<(), QueueError> {
        Ok(self.0.broker.check().await?)
    }
}
