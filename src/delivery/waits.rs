//! One wait of one listener, from play to its end: held, and measured.

use tokio::time::{Duration, Instant};

use super::following::can_be_followed;
use super::{Delivery, DeliveryError, Intent, Seen};
use crate::recording::{Scope, Sid, Status};
use crate::registry::Mailbox;
use crate::telemetry;

/// How long somebody who is held is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until it has landed, or never will.
    Settled,
    /// Or until so much of it has come that it can be sent while the rest comes.
    CanBeFollowed,
}

impl Delivery {
    /// Watches or plays, and waits until the recording has settled, or can be followed where that is enough, or patience ends.
    pub async fn wait(
        &self,
        scope: &Scope,
        sid: Sid,
        intent: Intent,
        until: Until,
        patience: Duration,
    ) -> Result<Seen, DeliveryError> {
        let deadline = Instant::now() + patience;
        let mailbox = Mailbox::new(16);
        let mut watched = self.watch(scope, &[sid], intent, &mailbox).await;
        let mut watched = watched.pop().unwrap_or(Err(DeliveryError::Unknown))?;
        let wait = Wait::begin(&watched.seen.status);
        let follows = |status: &Status| until == Until::CanBeFollowed && can_be_followed(status);
        while !watched.seen.status.state.is_settled() {
            if follows(&watched.seen.status) {
                wait.end("landing");
                return Ok(watched.seen);
            }
            let Ok(inbox) = tokio::time::timeout_at(deadline, mailbox.take()).await else {
                wait.end("timeout");
                return Ok(watched.seen);
            };
            if let Some(event) = inbox.events.last() {
                watched.seen.status = event.status.clone();
            }
        }
        wait.end(watched.seen.status.state.as_str());
        Ok(watched.seen)
    }
}

/// A wait; dropped without an end, the listener has left.
pub struct Wait(Option<Instant>);

impl Wait {
    /// Begins a wait, unless there is nothing to wait for.
    pub fn begin(status: &Status) -> Self {
        if status.state.is_settled() {
            return Self(None);
        }
        telemetry::wait_began();
        Self(Some(Instant::now()))
    }

    /// Ends it: `ready`, `failed`, `gone`, `timeout`, or `landing` where it is sent from then on as it comes.
    pub fn end(mut self, outcome: &'static str) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: &'static str) {
        if let Some(begun) = self.0.take() {
            telemetry::wait_ended(outcome, begun.elapsed());
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.finish("left");
    }
}
