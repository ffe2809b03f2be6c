//! Latencies and counts of a run, in total and by the second; knows not what they are of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    /// From the intended start until the socket has said `welcome`.
    Connect,
    /// From `subscribe` to its answer.
    Subscribe,
    /// From the rename in the volume until the socket has read `ready`.
    Ready,
    /// From the intended play (or release of what was held) until `ready` is known.
    Wait,
    /// From the request to the first byte of the body of `bytes=0-`.
    FirstByte,
    /// From the request to the last byte of that body.
    Body,
    /// From the intended jump to the last byte of its range.
    Seek,
    /// From a listener's intended start to the first byte of sound.
    Sound,
    /// How late the generator was: it is of the tool, not of the server.
    Lag,
}

impl Metric {
    /// In the order of reports.
    pub(super) const ALL: [Self; 9] = [
        Self::Connect,
        Self::Subscribe,
        Self::Ready,
        Self::Wait,
        Self::FirstByte,
        Self::Body,
        Self::Seek,
        Self::Sound,
        Self::Lag,
    ];

    /// Its name in reports and thresholds.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Subscribe => "subscribe",
            Self::Ready => "ready",
            Self::Wait => "wait",
            Self::FirstByte => "first_byte",
            Self::Body => "body",
            Self::Seek => "seek",
            Self::Sound => "sound",
            Self::Lag => "lag",
        }
    }
}

/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// A histogram of microseconds with three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("1 to an hour with three digits are valid bounds")
}

/// One metric: since the beginning, and since the last second's end.
#[derive(Debug)]
struct Timer {
    total: Histogram<u64>,
    second: Histogram<u64>,
}

/// What a second brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Second {
    /// How many were timed.
    pub(super) count: u64,
    /// 99 in 100 were not above it; 0 of none.
    pub(super) p99_ms: f64,
}

/// Counts of everything; each is only added to.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) arrivals: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) finished: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) pushes: AtomicU64,
    pub(super) probes: AtomicU64,
    pub(super) reconnects: AtomicU64,
    pub(super) retries: AtomicU64,
}

/// Shared by all sessions.
#[derive(Debug)]
pub(super) struct Meter {
    timers: [Mutex<Timer>; Metric::ALL.len()],
    pub(super) counts: Counts,
}

/// One more.
pub(super) fn bump(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Meter {
    pub(super) fn new() -> Self {
        let timers = std::array::from_fn(|_| Mutex::new(Timer { total: histogram(), second: histogram() }));
        Self { timers, counts: Counts::default() }
    }

    /// Notes a latency. Below a microsecond counts as one.
    pub(super) fn record(&self, metric: Metric, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).max(1);
        self.timer(metric).second.saturating_record(us);
    }

    /// Ends a second of a metric: what it brought is added to the total.
    pub(super) fn turn(&self, metric: Metric) -> Second {
        let mut timer = self.timer(metric);
        let Timer { total, second } = &mut *timer;
        let brought = Second { count: second.len(), p99_ms: second.value_at_quantile(0.99) as f64 / 1e3 };
        // Both have the same bounds.
        let _ = total.add(&*second);
        second.reset();
        brought
    }

    /// All of a metric so far.
    pub(super) fn total(&self, metric: Metric) -> Histogram<u64> {
        self.turn(metric);
        self.timer(metric).total.clone()
    }

    fn timer(&self, metric: Metric) -> std::sync::MutexGuard<'_, Timer> {
        self.timers[metric as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_told_once_and_stays_in_the_total() {
        let meter = Meter::new();
        (1..=100).for_each(|ms| meter.record(Metric::Seek, Duration::from_millis(ms)));
        let second = meter.turn(Metric::Seek);
        assert_eq!(second.count, 100);
        assert!((98.9..=99.2).contains(&second.p99_ms), "{second:?}");
        assert_eq!(meter.turn(Metric::Seek).count, 0);
        assert_eq!(meter.total(Metric::Seek).len(), 100);
        assert_eq!(meter.total(Metric::Body).len(), 0);
    }
}
