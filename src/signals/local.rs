//! Signals inside one process: a bounded channel to the one task that tells listeners.

use tokio::sync::mpsc;

use super::{Signal, Signals};
use crate::telemetry;

/// Signals on their way. Beyond, they are dropped and counted, and the sweep finds what they spoke of.
const MOST: usize = 16 * 1024;

/// The sending side.
pub struct LocalSignals(mpsc::Sender<Signal>);

impl LocalSignals {
    /// Both sides, and the way in for what others say.
    pub fn shared() -> (Self, mpsc::Receiver<Signal>, mpsc::Sender<Signal>) {
        let (to, from) = mpsc::channel(MOST);
        (Self(to.clone()), from, to)
    }

    /// Both sides.
    pub fn channel() -> (Self, mpsc::Receiver<Signal>) {
        let (to, from) = mpsc::channel(MOST);
        (Self(to), from)
    }
}

impl Signals for LocalSignals {
    fn send(&self, signal: Signal) {
        if self.0.try_send(signal).is_err() {
            telemetry::limited("signals_waiting");
        }
    }
}
