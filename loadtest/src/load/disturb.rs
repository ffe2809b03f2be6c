//! Faults that a run brings upon the server that it started: what, and when.

use std::time::Duration;

use tokio::time::sleep_until;

use super::Failure;
use super::context::Context;
use super::units;

/// What happens to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// SIGTERM, then the same server at the same address.
    Restart,
    /// SIGKILL for one worker process, then a new one.
    KillWorker,
}

/// A fault with its time; without one, it comes in the middle of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) at: Option<Duration>,
}

impl Fault {
    /// Reads `restart`, `restart@10s`, `kill-worker@1m`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (kind, at) = text.split_once('@').map_or((text, None), |(kind, at)| (kind, Some(at)));
        let kind = match kind {
            "restart" => Kind::Restart,
            "kill-worker" => Kind::KillWorker,
            other => return Err(format!("{other:?} is neither restart nor kill-worker")),
        };
        Ok(Self { kind, at: at.map(units::duration).transpose()? })
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        let kind = if self.kind == Kind::Restart { "restart" } else { "kill-worker" };
        self.at.map_or_else(|| kind.to_owned(), |at| format!("{kind}@{}s", at.as_secs_f64()))
    }
}

/// Brings them about, each at its time.
pub(super) async fn disturb(context: &Context) -> Result<(), Failure> {
    let mut faults = context.plan.faults.clone();
    let middle = context.plan.load.duration / 2;
    faults.sort_by_key(|fault| fault.at.unwrap_or(middle));
    for fault in faults {
        sleep_until(context.began() + fault.at.unwrap_or(middle)).await;
        let Some(spawned) = &context.spawned else { return Err("faults need --spawn".into()) };
        match fault.kind {
            Kind::Restart => spawned.restart().await?,
            Kind::KillWorker => spawned.kill_worker().await?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_may_name_its_time() {
        let fault = Fault::parse("restart@10s").unwrap();
        assert_eq!((fault.kind, fault.at), (Kind::Restart, Some(Duration::from_secs(10))));
        assert_eq!(Fault::parse("kill-worker").unwrap().at, None);
        assert!(Fault::parse("flood").is_err() && Fault::parse("restart@soon").is_err());
    }
}
