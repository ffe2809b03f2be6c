//! The scripts, as functions: what each is given and what it answers. What they do is written in them.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation, Value};
use tokio::time::Duration;

use super::lease::Held;
use super::{Inner, Job, Priority, QueueError, Sid, Tenant};
use crate::jobs::MOST_DEAD;

const PREFIX: &str = "landfall:";

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("lib.lua"), include_str!($file))))
    };
}

static ENSURE: LazyLock<Script> = script!("ensure.lua");
static CLAIM: LazyLock<Script> = script!("claim.lua");
static BEAT: LazyLock<Script> = script!("beat.lua");
static FINISH: LazyLock<Script> = script!("finish.lua");
static RETRY: LazyLock<Script> = script!("retry.lua");
static WITHDRAW: LazyLock<Script> = script!("withdraw.lua");
static DEPTH: LazyLock<Script> = script!("depth.lua");

fn on<'a>(queue: &Inner, script: &'a Script) -> ScriptInvocation<'a> {
    let mut call = script.key(PREFIX);
    call.arg(&queue.channel);
    call
}

fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::Prefetch => 1,
        Priority::Play => 2,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

pub(super) async fn ensure(queue: &Inner, job: &Job, most: usize, after: Duration) -> Result<Value, QueueError> {
    let mut call = on(queue, &ENSURE);
    call.arg(job.sid.as_str()).arg(job.tenant.as_str()).arg(rank(job.priority)).arg(most).arg(millis(after));
    Ok(queue.broker.run(&call).await?)
}

pub(super) async fn withdraw(queue: &Inner, sid: Sid) -> Result<(), QueueError> {
    let mut call = on(queue, &WITHDRAW);
    call.arg(sid.as_str());
    Ok(queue.broker.run::<Value>(&call).await.map(drop)?)
}

pub(super) async fn claim(queue: &Inner, token: &str, lease: Duration) -> Result<Vec<Value>, QueueError> {
    let mut call = on(queue, &CLAIM);
    call.arg(token).arg(queue.per_tenant).arg(millis(lease));
    Ok(queue.broker.run(&call).await?)
}

/// What a claim came to.
pub(super) enum Claimed {
    Job {
        job: Job,
        tries: u32,
        age: Duration,
        deaths: u32,
    },
    /// With the time until there may be one, where that is known.
    Nothing(Option<Duration>),
}

impl Claimed {
    pub(super) fn read(answer: &[Value]) -> Option<Self> {
        let text = |value: &Value| match value {
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok().map(str::to_owned),
            _ => None,
        };
        let millis = |at: &i64| u64::try_from(*at).map(Duration::from_millis);
        match answer {
            [Value::Int(0), Value::Int(wait)] => Some(Self::Nothing(millis(wait).ok())),
            [
                Value::Int(1),
                sid,
                tenant,
                Value::Int(priority),
                Value::Int(tries),
                Value::Int(age),
                Value::Int(deaths),
            ] => {
                let priority = if *priority > 1 { Priority::Play } else { Priority::Prefetch };
                let job = Job { sid: text(sid)?.parse().ok()?, tenant: Tenant::new(&text(tenant)?)?, priority };
                // A clock that was put back makes an age negative: the job is as good as new.
                let age = millis(age).unwrap_or_default();
                Some(Self::Job { job, tries: u32::try_from(*tries).ok()?, age, deaths: u32::try_from(*deaths).ok()? })
            }
            _ => None,
        }
    }
}

/// What a worker's word about its job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Held,
    Withdrawn,
    Lost,
}

pub(super) async fn beat(held: &Held, span: Duration, may_restore: bool) -> Result<Beat, QueueError> {
    let (queue, job, history) = (&held.queue.0, &held.job, &held.history);
    let mut call = on(queue, &BEAT);
    call.arg(job.sid.as_str()).arg(&held.token).arg(millis(span));
    call.arg(job.tenant.as_str()).arg(rank(job.priority)).arg(history.tries);
    call.arg(millis(history.begun.elapsed())).arg(history.deaths).arg(u8::from(may_restore));
    Ok(match queue.broker.run::<u8>(&call).await? {
        1 => Beat::Held,
        2 => Beat::Withdrawn,
        _ => Beat::Lost,
    })
}

/// How a lease ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Done,
    Dead(&'static str),
    Again(Duration),
}

/// Whether the lease was still held.
pub(super) async fn end(queue: &Inner, sid: Sid, token: &str, end: End) -> Result<bool, QueueError> {
    let mut call = match end {
        End::Done | End::Dead(_) => on(queue, &FINISH),
        End::Again(_) => on(queue, &RETRY),
    };
    call.arg(sid.as_str()).arg(token);
    match end {
        End::Done => call.arg("").arg(MOST_DEAD),
        End::Dead(why) => call.arg(why).arg(MOST_DEAD),
        End::Again(after) => call.arg(millis(after)),
    };
    Ok(queue.broker.run(&call).await?)
}

pub(super) async fn depth(queue: &Inner, dead_kept: Duration) -> Result<[u64; 4], QueueError> {
    let mut call = on(queue, &DEPTH);
    call.arg(millis(dead_kept));
    let counts: (u64, u64, u64, u64) = queue.broker.run(&call).await?;
    Ok(counts.into())
}
