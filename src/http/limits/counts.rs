//! How many of something each key holds at once. Forgets who holds nothing; knows neither users nor addresses.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::telemetry;

/// How many each key holds.
pub struct Counts<K> {
    name: &'static str,
    most: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Hash + Eq + Clone> Counts<K> {
    /// Nobody holds anything; each may hold `most`.
    pub fn new(name: &'static str, most: usize) -> Self {
        Self { name, most, held: Arc::default() }
    }

    /// One more, until the guard is dropped.
    pub fn hold(&self, key: K) -> Option<Held<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(key.clone()).or_default();
        if *count >= self.most {
            telemetry::limited(self.name);
            if *count == 0 {
                held.remove(&key);
            }
            return None;
        }
        *count += 1;
        Some(Held { key, held: self.held.clone() })
    }

    /// Keys that hold something.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// One of those that are counted.
pub struct Held<K: Hash + Eq> {
    key: K,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Hash + Eq> Drop for Held<K> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}
