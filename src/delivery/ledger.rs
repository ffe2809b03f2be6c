//! Landings on their way into the catalog: whoever waits has been told, and what is left is written down for many at once. Knows
//! neither catalog nor listener.
//!
//! One at a time, each landing would cost a transaction and a flush, several times what telling its listeners takes, and would take
//! that from the listeners of the next.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::recording::{Media, Sid};
use crate::telemetry;

/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(50);
/// Landings in one batch.
const AT_ONCE: usize = 256;
/// Landings that wait. What finds no place is noted by whoever looks next: the volume keeps the truth.
const MOST: usize = 16 * 1024;
/// How long a reader of the catalog waits for what has landed before it asked.
const PATIENCE: Duration = Duration::from_millis(250);

/// A file that has its final name; with its shape, where somebody has looked.
pub(super) type Told = (Sid, Option<Media>);

/// What is to be written down.
pub(super) struct Ledger {
    gathered: Mutex<Gathered>,
    added: Notify,
    hurry: Notify,
    /// How many have ever been written down, or given up.
    done: watch::Sender<u64>,
}

#[derive(Default)]
struct Gathered {
    told: Vec<Told>,
    /// How many have ever been added.
    added: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        let done = watch::Sender::new(0);
        Self { gathered: Mutex::default(), added: Notify::new(), hurry: Notify::new(), done }
    }
}

impl Ledger {
    /// Adds one.
    pub fn add(&self, told: Told) {
        let is_first = {
            let mut gathered = self.gathered();
            if gathered.told.len() >= MOST {
                telemetry::limited("landings_to_note");
                return;
            }
            gathered.told.push(told);
            gathered.added += 1;
            gathered.told.len() == 1
        };
        // Whoever gathers sleeps, and is woken for the first alone.
        if is_first {
            self.added.notify_one();
        }
    }

    /// The next batch, gathered for a moment; nothing once it stops and nothing is left. Who has asked says when it is
    /// [`done`](Self::done), before asking again.
    pub async fn gather(&self, stop: &CancellationToken) -> Vec<Told> {
        loop {
            let count = self.gathered().told.len();
            if count > 0 {
                let more = if count < AT_ONCE { GATHER } else { Duration::ZERO };
                tokio::select! {
                    () = tokio::time::sleep(more) => {}
                    () = self.hurry.notified() => {}
                    () = stop.cancelled() => {}
                }
                let mut gathered = self.gathered();
                let count = gathered.told.len().min(AT_ONCE);
                return gathered.told.drain(..count).collect();
            }
            tokio::select! {
                () = self.added.notified() => {}
                () = stop.cancelled() => {
                    // One that was added just now is taken along.
                    if self.gathered().told.is_empty() {
                        return Vec::new();
                    }
                }
            }
        }
    }

    /// So many have been written down, or given up.
    pub fn done(&self, count: usize) {
        self.done.send_modify(|done| *done += count as u64);
    }

    /// Waits until all that has been added up to now is written, for as long as is reasonable.
    pub async fn caught_up(&self) {
        let wanted = self.gathered().added;
        let mut done = self.done.subscribe();
        let caught_up = async {
            while *done.borrow_and_update() < wanted {
                // What is being written already needs no hurry.
                if !self.gathered().told.is_empty() {
                    self.hurry.notify_one();
                }
                if done.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, caught_up).await;
    }

    fn gathered(&self) -> std::sync::MutexGuard<'_, Gathered> {
        // Nothing panics while it is held; were it so, the list would still be whole.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;
    use crate::telemetry::testing::{limited, recorder};

    fn landed(n: usize) -> Told {
        (format!("CA{n:032x}").parse().unwrap(), None)
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_within_a_moment_makes_one_batch() {
        let (ledger, stop) = (Arc::new(Ledger::default()), CancellationToken::new());
        let begun = Instant::now();
        let adding = async {
            ledger.add(landed(1));
            tokio::time::sleep(GATHER / 2).await;
            ledger.add(landed(2));
        };
        let (batch, ()) = tokio::join!(ledger.gather(&stop), adding);
        assert_eq!((batch, begun.elapsed()), (vec![landed(1), landed(2)], GATHER));
        (0..AT_ONCE + 1).for_each(|n| ledger.add(landed(n)));
        assert_eq!(ledger.gather(&stop).await.len(), AT_ONCE);
        assert_eq!(ledger.gather(&stop).await, [landed(AT_ONCE)], "the rest is not forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_the_catalog_hurries_it_and_waits_no_longer_than_is_reasonable() {
        let (ledger, stop) = (Ledger::default(), CancellationToken::new());
        let begun = Instant::now();
        ledger.caught_up().await;
        ledger.add(landed(1));
        let writing = async {
            let batch = ledger.gather(&stop).await;
            ledger.done(batch.len());
        };
        tokio::join!(ledger.caught_up(), writing);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        ledger.add(landed(2));
        ledger.caught_up().await;
        assert_eq!(begun.elapsed(), PATIENCE, "nobody writes");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_at_the_end_is_still_written() {
        let (ledger, stop) = (Ledger::default(), CancellationToken::new());
        ledger.add(landed(1));
        stop.cancel();
        assert_eq!(ledger.gather(&stop).await, [landed(1)]);
        assert_eq!(ledger.gather(&stop).await, []);
    }

    #[test]
    fn landings_beyond_the_bound_are_left_to_who_looks_next_and_counted() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let ledger = Ledger::default();
        (0..MOST + 3).for_each(|n| ledger.add(landed(n)));
        assert_eq!(limited(&recorder, "landings_to_note"), 3.0);
        assert_eq!(ledger.gathered().told.len(), MOST);
    }
}
