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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Sid;
    use crate::telemetry::testing::{limited, recorder};

    #[test]
    fn signals_beyond_the_bound_are_dropped_and_counted() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let (signals, mut waiting) = LocalSignals::channel();
        let sid: Sid = format!("CA{:032x}", 1).parse().unwrap();
        for _ in 0..MOST + 3 {
            signals.send(Signal::ChangedElsewhere(sid));
        }
        assert_eq!(limited(&recorder, "signals_waiting"), 3.0);
        assert!(waiting.try_recv().is_ok());
    }
}
