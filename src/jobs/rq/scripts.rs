//! The scripts, as functions: what each is given and what it answers. What they do is written in them.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation, Value};

use super::{Inner, Mode, Standing};
use crate::jobs::QueueError;
use crate::recording::Sid;

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("lib.lua"), include_str!($file))))
    };
}

static ENSURE: LazyLock<Script> = script!("ensure.lua");
static STANDING: LazyLock<Script> = script!("standing.lua");
static WITHDRAW: LazyLock<Script> = script!("withdraw.lua");
static DEPTH: LazyLock<Script> = script!("depth.lua");

fn on<'a>(queue: &Inner, script: &'a Script) -> ScriptInvocation<'a> {
    let mut call = script.key(&queue.line);
    call.arg(&queue.options.queue);
    call
}

/// The job's name: one for each recording, so that there is one job at the most.
fn id(sid: Sid) -> String {
    format!("landfall-{sid}")
}

/// What became of a question for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ensured {
    Exists,
    Made,
    /// Ask again, with its fields.
    Wanted,
    NoRoom,
}

pub(super) async fn ensure(
    queue: &Inner,
    sid: Sid,
    at_front: bool,
    mode: Mode,
    most: usize,
    fields: &[(&str, Vec<u8>)],
) -> Result<Ensured, QueueError> {
    let mut call = on(queue, &ENSURE);
    call.arg(id(sid)).arg(u8::from(at_front)).arg(mode.as_str()).arg(most);
    for (name, value) in fields {
        call.arg(*name).arg(value.as_slice());
    }
    Ok(match queue.broker.run::<i64>(&call).await? {
        0 => Ensured::Exists,
        1 => Ensured::Made,
        2 => Ensured::Wanted,
        _ => Ensured::NoRoom,
    })
}

pub(super) async fn standing(queue: &Inner, sids: &[Sid]) -> Result<Vec<Standing>, QueueError> {
    let mut call = on(queue, &STANDING);
    for sid in sids {
        call.arg(id(*sid));
    }
    let words: Vec<String> = queue.broker.run(&call).await?;
    Ok(words.iter().map(|word| Standing::parse(word)).collect())
}

pub(super) async fn withdraw(queue: &Inner, sid: Sid) -> Result<(), QueueError> {
    let mut call = on(queue, &WITHDRAW);
    call.arg(id(sid));
    Ok(queue.broker.run::<Value>(&call).await.map(drop)?)
}

/// In line, being worked on, failed; live workers; whether they are told to pause.
pub(super) async fn depth(queue: &Inner) -> Result<(u64, u64, u64, u64, bool), QueueError> {
    let mut call = on(queue, &DEPTH);
    call.arg(queue.options.failure_ttl.as_secs());
    Ok(queue.broker.run(&call).await?)
}
