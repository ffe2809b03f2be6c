//! One wait of one listener, from play to its end, for the metrics.

use tokio::time::Instant;

use crate::recording::Status;
use crate::telemetry;

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

    /// Ends it: `ready`, `failed`, `gone` or `timeout`.
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
