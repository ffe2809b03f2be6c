//! So many a minute for each key, refilled evenly. Bounded itself; knows neither users nor addresses.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use crate::telemetry;

/// Keys that are counted at once; beyond, those that have been quiet longest are forgotten, and begin anew.
const MOST_KEYS: usize = 16 * 1024;
const MINUTE: Duration = Duration::from_secs(60);

/// A bound that a caller has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Its name.
    pub limit: &'static str,
    /// When there is one more.
    pub after: Duration,
}

/// A bucket for each key.
pub struct Buckets<K> {
    name: &'static str,
    most: f64,
    counted: Mutex<Generations<K>>,
}

/// Two generations: what is asked for moves to the young one, and the old one is dropped whole. So a key costs the same
/// however many there are.
struct Generations<K> {
    young: HashMap<K, Bucket>,
    old: HashMap<K, Bucket>,
    since: Instant,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Full ones, of `per_minute`; 0 counts as 1.
    pub fn new(name: &'static str, per_minute: u32) -> Self {
        let counted = Generations { young: HashMap::new(), old: HashMap::new(), since: Instant::now() };
        Self { name, most: f64::from(per_minute.max(1)), counted: Mutex::new(counted) }
    }

    /// Takes one from the key's bucket.
    pub fn take(&self, key: K) -> Result<(), Reached> {
        let now = Instant::now();
        let mut counted = self.lock();
        let bucket = counted.bucket(key, Bucket { left: self.most, at: now });
        *bucket = self.refilled(*bucket, now);
        let taken = self.look(*bucket);
        if taken.is_ok() {
            bucket.left -= 1.0;
        }
        taken
    }

    /// Whether there is one to take.
    pub fn has(&self, key: &K) -> Result<(), Reached> {
        let counted = self.lock();
        let bucket = counted.young.get(key).or_else(|| counted.old.get(key));
        bucket.map_or(Ok(()), |bucket| self.look(self.refilled(*bucket, Instant::now())))
    }

    fn look(&self, bucket: Bucket) -> Result<(), Reached> {
        if bucket.left >= 1.0 {
            return Ok(());
        }
        telemetry::limited(self.name);
        Err(Reached { limit: self.name, after: MINUTE.mul_f64((1.0 - bucket.left) / self.most) })
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> Bucket {
        let came = self.most * (now - bucket.at).as_secs_f64() / MINUTE.as_secs_f64();
        Bucket { left: (bucket.left + came).min(self.most), at: now }
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Generations<K> {
    fn bucket(&mut self, key: K, full: Bucket) -> &mut Bucket {
        let is_over = full.at - self.since >= MINUTE;
        // Whoever has been quiet for a minute has a full bucket: then forgetting it changes nothing.
        if is_over || self.young.len() >= MOST_KEYS / 2 {
            if !is_over {
                telemetry::limited("keys_counted");
            }
            self.old = std::mem::take(&mut self.young);
            self.since = full.at;
        }
        let kept = self.old.remove(&key);
        self.young.entry(key).or_insert(kept.unwrap_or(full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::{limited, recorder};

    #[tokio::test(start_paused = true)]
    async fn a_bucket_refills_evenly_over_a_minute() {
        let buckets = Buckets::new("requests", 60);
        for _ in 0..60 {
            buckets.take("a").unwrap();
        }
        let reached = Reached { limit: "requests", after: Duration::from_secs(1) };
        assert_eq!((buckets.take("a"), buckets.has(&"a")), (Err(reached), Err(reached)));
        assert_eq!((buckets.take("b"), buckets.has(&"c")), (Ok(()), Ok(())));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((buckets.has(&"a"), buckets.take("a"), buckets.take("a")), (Ok(()), Ok(()), Err(reached)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_bucket_is_remembered_until_it_would_be_full() {
        let buckets = Buckets::new("requests", 1);
        buckets.take(0).unwrap();
        for _ in 0..59 {
            tokio::time::advance(Duration::from_secs(1)).await;
            buckets.take(1).ok();
            assert!(buckets.has(&0).is_err());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        buckets.take(0).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_keys_come_so_many_are_counted_and_the_last_of_them_still_are() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let buckets = Buckets::new("requests", 1);
        for key in 0..10 * MOST_KEYS {
            buckets.take(key).unwrap();
        }
        assert!(buckets.take(10 * MOST_KEYS - 1).is_err());
        assert!(limited(&recorder, "keys_counted") >= 10.0);
        let counted = buckets.lock();
        assert!(counted.young.len() + counted.old.len() <= MOST_KEYS);
    }
}
