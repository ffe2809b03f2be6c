//! Time for threads that measure; knows no reactor, and must not be used on one.

use std::time::{Duration, Instant};

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "measured is real time, never the paused time of a test")]
pub fn now() -> Instant {
    Instant::now()
}

/// Blocks the thread for so long.
#[expect(clippy::disallowed_methods, reason = "a thread that measures has no reactor to block")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Blocks the thread until then; returns at once when it is past.
pub fn sleep_until(at: Instant) {
    pause(at.saturating_duration_since(now()));
}
