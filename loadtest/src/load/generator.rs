//! Begins sessions at their intended times, whatever became of those before, and notes how late it was itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use super::context::Context;
use super::meter::{Meter, Metric, bump};
use super::session::Failed;

/// How often the generator looks whether it is late.
const BEAT: Duration = Duration::from_millis(10);

/// Begins a session at each time, and returns when all have ended. A session ends by itself: each of its waits has a deadline.
pub(super) async fn drive<F>(
    context: &Arc<Context>,
    times: Vec<Duration>,
    session: impl Fn(Arc<Context>, u64, Instant) -> F,
) where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let (began, tasks) = (context.began(), TaskTracker::new());
    let places = Arc::new(Semaphore::new(context.plan.load.max_in_flight));
    for (number, at) in (0..).zip(times) {
        let intended = began + at;
        sleep_until(intended).await;
        context.meter.record(Metric::Lag, intended.elapsed());
        bump(&context.meter.counts.arrivals);
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            bump(&context.meter.counts.dropped);
            continue;
        };
        let (own, session) = (Arc::clone(context), session(Arc::clone(context), number, intended));
        tasks.spawn(async move {
            let _place = place;
            ended(&own, session.await);
        });
    }
    tasks.close();
    tasks.wait().await;
}

/// Counts what became of a session.
pub(super) fn ended(context: &Context, outcome: Result<(), Failed>) {
    match outcome {
        Ok(()) => bump(&context.meter.counts.finished),
        Err(why) => {
            bump(&context.meter.counts.failed);
            context.findings.error(&why);
        }
    }
}

/// Sessions that are under way.
pub(super) fn in_flight(meter: &Meter) -> u64 {
    let counts = &meter.counts;
    let [arrivals, dropped, finished, failed] = [&counts.arrivals, &counts.dropped, &counts.finished, &counts.failed]
        .map(|count| count.load(Ordering::Relaxed));
    arrivals.saturating_sub(dropped + finished + failed)
}

/// Notes, beat by beat, how late this process gets its turn; for ever. Few arrivals would tell too little of it.
pub(super) async fn beat(meter: &Meter) {
    let mut next = Instant::now();
    loop {
        next += BEAT;
        sleep_until(next).await;
        let late = next.elapsed();
        meter.record(Metric::Lag, late);
        // What was slept through is one beat that was late, not many.
        next += BEAT * u32::try_from(late.as_millis() / BEAT.as_millis()).unwrap_or_default();
    }
}
