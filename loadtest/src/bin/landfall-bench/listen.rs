//! Subscribing many listeners and hearing their `ready`; knows not how files land.

use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use loadtest::client::{Heard, Listeners, Message};
use loadtest::measure::{Samples, clock};

/// What takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Subscribes the first listeners to one SID each, and waits until the server has confirmed every one.
pub(crate) fn subscribe(listeners: &mut Listeners, sids: &[String], intent: &str) -> io::Result<()> {
    for (index, sid) in sids.iter().enumerate() {
        listeners.send(index, &format!(r#"{{"type":"subscribe","id":1,"sids":["{sid}"],"intent":"{intent}"}}"#))?;
    }
    confirmed(listeners, "subscribed", sids.len())
}

/// The opposite, so that a socket is subscribed to nothing but what matters.
pub(crate) fn unsubscribe(listeners: &mut Listeners, sids: &[String]) -> io::Result<()> {
    for (index, sid) in sids.iter().enumerate() {
        listeners.send(index, &format!(r#"{{"type":"unsubscribe","id":2,"sids":["{sid}"]}}"#))?;
    }
    confirmed(listeners, "unsubscribed", sids.len())
}

/// Waits until so many have been answered by a message of that kind.
pub(crate) fn confirmed(listeners: &mut Listeners, by: &str, count: usize) -> io::Result<()> {
    let mut missing = count;
    let mut broken = None;
    listeners.listen(clock::now() + PATIENCE, |index, _, heard| {
        match heard {
            Heard::Message(Message { kind, .. }) if kind == by => missing -= 1,
            Heard::Message(Message { kind: kind @ ("error" | "failed" | "gone"), .. }) => {
                broken = Some(format!("listener {index} heard {kind}"));
            }
            Heard::Closed(code) => broken = Some(format!("listener {index} was closed ({code:?})")),
            _ => {}
        }
        stop_if(missing == 0 || broken.is_some())
    })?;
    match broken {
        None if missing == 0 => Ok(()),
        None => Err(io::Error::other(format!("{missing} of {count} listeners did not hear {by}"))),
        Some(broken) => Err(io::Error::other(broken)),
    }
}

/// When each listener heard that its recording is ready, or got the answer that was held until then; `None` if it did not.
pub(crate) fn until_ready(listeners: &mut Listeners, sids: &[String]) -> io::Result<Vec<Option<Instant>>> {
    until_each_is_ready(listeners, sids, |_| Ok(()))
}

/// The same; `on` is told at once which listener heard it first now.
pub(crate) fn until_each_is_ready(
    listeners: &mut Listeners,
    sids: &[String],
    mut on: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<Vec<Option<Instant>>> {
    let mut ready = vec![None; sids.len()];
    let mut missing = sids.len();
    let mut broken = None;
    listeners.listen(clock::now() + PATIENCE, |index, at, heard| {
        match heard {
            Heard::Message(Message { kind: "ready", sid }) if sid != sids.get(index).map(String::as_str) => {}
            Heard::Message(Message { kind: "ready", .. }) | Heard::Status(200 | 206) => {
                if ready[index].replace(at).is_none() {
                    missing -= 1;
                    if let Err(error) = on(index) {
                        broken = Some(format!("listener {index} could not go on: {error}"));
                    }
                }
            }
            Heard::Message(Message { kind: "failed" | "gone" | "error", .. }) | Heard::Status(_) => {
                broken = Some(format!("listener {index} heard {heard:?} instead of ready"));
            }
            // A stream or a held request may end after its answer.
            Heard::Closed(code) if ready.get(index).is_none_or(Option::is_none) => {
                broken = Some(format!("listener {index} was closed ({code:?})"));
            }
            Heard::Message(_) | Heard::Closed(_) => {}
        }
        stop_if(missing == 0 || broken.is_some())
    })?;
    broken.map_or(Ok(ready), |broken| Err(io::Error::other(broken)))
}

/// From the one moment to the other, where both are known.
pub(crate) fn between(from: &[Option<Instant>], to: &[Option<Instant>]) -> Samples {
    let mut samples = Samples::default();
    for (from, to) in from.iter().zip(to) {
        if let (Some(from), Some(to)) = (from, to) {
            samples.push(to.saturating_duration_since(*from));
        }
    }
    samples
}

/// Answers pings for so long.
pub(crate) fn idle(listeners: &mut Listeners, duration: Duration) -> io::Result<()> {
    let mut closed = None;
    listeners.listen(clock::now() + duration, |index, _, heard| match heard {
        Heard::Closed(code) => {
            closed = Some(format!("socket {index} was closed ({code:?})"));
            ControlFlow::Break(())
        }
        Heard::Message(_) | Heard::Status(_) => ControlFlow::Continue(()),
    })?;
    closed.map_or(Ok(()), |closed| Err(io::Error::other(closed)))
}

fn stop_if(enough: bool) -> ControlFlow<()> {
    if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
