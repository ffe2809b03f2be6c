//! Signals inside one process: a bounded channel to the one task that tells listeners.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::{Signal, Signals};

/// Signals on their way. Beyond, they are dropped and counted, and the sweep finds what they spoke of.
const MOST: usize = 16 * 1024;

/// The sending side.
pub struct LocalSignals {
    to: mpsc::Sender<Signal>,
    dropped: AtomicU64,
}

impl LocalSignals {
    /// Both sides.
    pub fn channel() -> (Self, mpsc::Receiver<Signal>) {
        let (to, from) = mpsc::channel(MOST);
        (Self { to, dropped: AtomicU64::new(0) }, from)
    }

    /// How many found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Signals for LocalSignals {
    fn send(&self, signal: Signal) {
        if self.to.try_send(signal).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
