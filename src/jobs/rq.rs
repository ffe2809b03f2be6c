//! Jobs for RQ's workers, which are not ours: how a job is handed to them, and how it stands with them. Decided by scripts,
//! in Redis and by its clock. Knows no download: such a worker lands files by itself.

mod call;
mod packed;
mod pickle;
mod scripts;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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

/// Who knows what to tell of a recording; `None` for one of which there will be no job.
#[async_trait]
pub trait Teller: Send + Sync {
    /// What is known.
    async fn told(&self, sid: Sid) -> Result<Option<Told>, QueueError>;

    /// The same, after the provider was asked for the recording's name. Takes seconds, but not many.
    async fn looked_up(&self, sid: Sid) -> Result<Option<Told>, QueueError>;
}

/// The provider is asked for so many names at once; who is beyond that is asked about by the next sweep.
const MOST_LOOKUPS: usize = 32;

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
    teller: Arc<dyn Teller>,
    /// Recordings of whose name the provider is being asked.
    lookups: Mutex<HashSet<Sid>>,
    tasks: TaskTracker,
    stop: CancellationToken,
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
    /// That queue in that Redis. What it does in the background ends with `stop`.
    pub fn new(
        broker: Broker,
        options: RqOptions,
        teller: Arc<dyn Teller>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let line = format!("rq:queue:{}", options.queue);
        let (lookups, tasks, stop) = (Mutex::default(), tasks.clone(), stop.clone());
        Self(Arc::new(Inner { broker, options, teller, lookups, tasks, stop, line }))
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
        if self.0.ensure(job, mode, &[]).await? != Ensured::Wanted {
            return Ok(false);
        }
        // What is not registered has no job: nobody can wait for it.
        let Some(told) = self.0.teller.told(job.sid).await? else { return Ok(false) };
        if told.recording_sid.is_none() && self.0.options.call.names_recording() {
            if mode == Mode::Begin {
                // Until the provider has answered, the last job's end must not be taken for the new one's.
                self.withdraw(job.sid).await?;
            }
            return Ok(self.look_up(job, mode));
        }
        Ok(self.0.ensure(job, mode, &self.0.fields(&told)).await? == Ensured::Made)
    }

    /// Asks the provider, which may take seconds, and makes the job then. Whether that is under way anew.
    fn look_up(&self, job: &Job, mode: Mode) -> bool {
        {
            let mut lookups = self.0.lookups();
            if lookups.contains(&job.sid) {
                return false;
            }
            if lookups.len() >= MOST_LOOKUPS {
                telemetry::limited("rq_lookups");
                return false;
            }
            lookups.insert(job.sid);
        }
        let (inner, job) = (self.0.clone(), job.clone());
        let looks = async move {
            // Where this fails, the next sweep asks again.
            if let Ok(Some(told)) = inner.teller.looked_up(job.sid).await {
                let _ = inner.ensure(&job, mode, &inner.fields(&told)).await;
            }
            inner.lookups().remove(&job.sid);
        };
        self.0.tasks.spawn(self.0.stop.clone().run_until_cancelled_owned(looks));
        true
    }
}

impl Inner {
    fn lookups(&self) -> MutexGuard<'_, HashSet<Sid>> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ensure(&self, job: &Job, mode: Mode, fields: &[(&str, Vec<u8>)]) -> Result<Ensured, QueueError> {
        let at_front = job.priority == Priority::Play;
        match scripts::ensure(self, job.sid, at_front, mode, MOST, fields).await? {
            Ensured::NoRoom => {
                telemetry::limited("jobs");
                Err(QueueError("there are too many jobs".into()))
            }
            ensured => Ok(ensured),
        }
    }

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
