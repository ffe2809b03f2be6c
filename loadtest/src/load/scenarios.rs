//! The scenarios: what arrives, and what it does. Each returns when all its sessions have ended.

mod herd;
mod idle;
mod mixed;
mod storm;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::Failure;
use super::arrivals::{schedule, unit};
use super::context::Context;
use super::generator::drive;
use super::library::Recording;
use super::listener::{jump, listen};
use super::plan::Scenario;
use super::session::{Failed, probe};
use super::slow::read_slowly;
use crate::random::Random;

/// Runs the plan's scenario.
pub(super) async fn run(context: &Arc<Context>) -> Result<(), Failure> {
    match context.plan.scenario {
        Scenario::IdleSockets => idle::run(context).await,
        Scenario::Listeners => listeners(context).await,
        Scenario::Herd => herd::run(context).await,
        Scenario::ReconnectStorm => storm::run(context).await,
        Scenario::SeekingStorm => seeking(context, times(context)).await,
        Scenario::SlowReaders => slow_readers(context).await,
        Scenario::MixedDay => mixed::run(context).await,
    }
}

/// Cancels what only stays to stay, when the time for arrivals is over.
pub(super) async fn call_time(context: &Context) {
    sleep_until(context.began() + context.plan.load.duration).await;
    context.over.cancel();
}

/// Arrivals as the plan says.
fn times(context: &Context) -> Vec<Duration> {
    let load = &context.plan.load;
    schedule(context.plan.pattern(), load.rate, load.duration, &mut Random::seeded(load.seed))
}

/// `count` arrivals over the first `within`, evenly.
fn evenly(count: usize, within: Duration) -> Vec<Duration> {
    (0..count).map(|number| within.mul_f64(number as f64 / count.max(1) as f64)).collect()
}

/// Which recording each session takes: a new one for the plan's share of them, registered ahead, since that is not the listener's doing.
async fn choices(context: &Context, sessions: usize) -> Result<Arc<Vec<Arc<Recording>>>, Failure> {
    let mut random = Random::seeded(context.plan.load.seed.wrapping_add(1));
    let fresh = if context.library.can_make() { context.plan.load.fresh } else { 0.0 };
    let mut chosen = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        chosen.push(if unit(&mut random) < fresh {
            context.library.fresh(&context.target, &context.client, false).await?
        } else {
            Arc::clone(context.library.popular(&mut random))
        });
    }
    Ok(Arc::new(chosen))
}

async fn listeners(context: &Arc<Context>) -> Result<(), Failure> {
    let times = times(context);
    let chosen = choices(context, times.len()).await?;
    drive(context, times, |context, number, intended| {
        let recording = Arc::clone(&chosen[number as usize]);
        async move {
            let mut random = context.random(number);
            listen(&context, &recording, number, intended, &mut random).await
        }
    })
    .await;
    Ok(())
}

async fn seeking(context: &Arc<Context>, times: Vec<Duration>) -> Result<(), Failure> {
    drive(context, times, |context, number, intended| async move { seek(&context, number, intended).await }).await;
    Ok(())
}

/// A jump by somebody without a socket.
async fn seek(context: &Context, number: u64, intended: Instant) -> Result<(), Failed> {
    let mut random = context.random(number);
    let recording = Arc::clone(context.library.popular(&mut random));
    jump(context, &recording, number, intended, &mut random).await?;
    probe(context, &recording, number, &mut random).await;
    Ok(())
}

/// Some read slowly all the time, others jump about beside them.
async fn slow_readers(context: &Arc<Context>) -> Result<(), Failure> {
    let slow =
        drive(context, evenly(context.plan.load.sockets, Duration::from_secs(1)), |context, number, _| async move {
            let mut random = context.random(number);
            let recording = Arc::clone(context.library.popular(&mut random));
            read_slowly(&context, &recording, number).await
        });
    let (_, sought) = tokio::join!(slow, seeking(context, times(context)));
    sought
}

/// Waits for all of them.
async fn all<F: Future<Output = Result<(), Failed>>>(futures: impl IntoIterator<Item = F>) -> Result<(), Failed> {
    join_all(futures).await.into_iter().collect()
}
