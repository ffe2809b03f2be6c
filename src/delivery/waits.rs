//! One wait of one listener, from play to its end: held, and measured.

use tokio::time::{Duration, Instant};

use super::following::{Following, can_be_followed, newest};
use super::{Delivery, DeliveryError, Intent, Seen, Watched};
use crate::recording::{Scope, Sid, Status};
use crate::registry::Mailbox;
use crate::telemetry;

/// Changes that are kept until they are heard.
const MOST_CHANGES: u32 = 16;

/// What a wait came to.
pub enum Waited {
    /// The last that was heard of it: it has settled, or patience has ended.
    Seen(Seen),
    /// So much of it has come that it can be sent while the rest comes.
    Following(Box<Following>),
}

impl Delivery {
    /// Watches or plays, and waits until the recording has settled or can be followed, or patience ends.
    pub async fn wait(
        &self,
        scope: &Scope,
        sid: Sid,
        intent: Intent,
        patience: Duration,
    ) -> Result<Waited, DeliveryError> {
        let deadline = Instant::now() + patience;
        let mailbox = Mailbox::new(MOST_CHANGES);
        let mut watched = self.watch(scope, &[sid], intent, &mailbox).await;
        let Watched { mut seen, subscription: _subscription } = watched.pop().unwrap_or(Err(DeliveryError::Unknown))?;
        let wait = Wait::begin(&seen.status);
        while !seen.status.state.is_settled() {
            if can_be_followed(&seen.status)
                && let Some(following) = self.follow(scope, sid).await?
            {
                wait.end("landing");
                return Ok(Waited::Following(following.into()));
            }
            let Ok(inbox) = tokio::time::timeout_at(deadline, mailbox.take()).await else {
                wait.end("timeout");
                return Ok(Waited::Seen(seen));
            };
            if inbox.overflowed {
                // What did not fit may have been the last word.
                seen = self.look_at(scope, sid).await?;
            } else if let Some(event) = newest(&inbox.events).filter(|event| event.status.v >= seen.status.v) {
                seen.status = event.status.clone();
            }
        }
        wait.end(seen.status.state.as_str());
        Ok(Waited::Seen(seen))
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
