//! Bounds that are counted per user or per address, and those on everybody together. Each has a metric when reached.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant};

use crate::auth::Caller;
use crate::recording::Scope;
use crate::telemetry;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct LimitOptions {
    /// Sockets and event streams of one user.
    pub sockets_per_user: usize,
    /// Sockets and event streams from one address.
    pub sockets_per_address: usize,
    /// Recordings watched over one socket.
    pub sids_per_socket: usize,
    /// Longest message of a client, in bytes.
    pub message_bytes: usize,
    /// Requests that are held until a recording has landed.
    pub waiting_requests: usize,
    /// Downloads one user may ask for in a minute.
    pub prepares_per_minute: u32,
}

/// Who has how much of what.
pub struct Limits {
    /// The bounds.
    pub options: LimitOptions,
    users: Counts<User>,
    addresses: Counts<IpAddr>,
    waiting: Arc<Semaphore>,
    turns: Semaphore,
    prepares: Mutex<HashMap<User, Bucket>>,
}

/// A user within its tenant.
type User = (Option<Arc<str>>, Arc<str>);

/// Users whose prepares are counted at once; beyond, those that have been quiet are forgotten.
const MOST_BUCKETS: usize = 16 * 1024;
/// Subscriptions looked up at once. When ten thousand sockets come back together, those that wait for their turn hold
/// next to nothing, and the catalog sees a queue and no crowd.
const LOOKS_AT_ONCE: usize = 32;
const MINUTE: Duration = Duration::from_secs(60);

struct Bucket {
    /// Refills evenly; full when nobody has asked for a minute.
    left: f64,
    at: Instant,
}

impl Limits {
    /// Nobody has anything yet.
    pub fn new(options: LimitOptions) -> Self {
        let waiting = options.waiting_requests.min(Semaphore::MAX_PERMITS);
        Self {
            options,
            users: Counts::new("sockets_per_user", options.sockets_per_user),
            addresses: Counts::new("sockets_per_address", options.sockets_per_address),
            waiting: Arc::new(Semaphore::new(waiting)),
            turns: Semaphore::new(LOOKS_AT_ONCE),
            prepares: Mutex::default(),
        }
    }

    /// One more socket of that user, until the guard is dropped.
    pub fn socket_of_user(&self, caller: &Caller) -> Option<Held<User>> {
        self.users.hold(user(caller))
    }

    /// One more socket from that address, until the guard is dropped.
    pub fn socket_of_address(&self, address: IpAddr) -> Option<Held<IpAddr>> {
        self.addresses.hold(address)
    }

    /// A turn to look up a subscription, until it is dropped; in the order of asking.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// A held request's place, until it is dropped.
    pub fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.waiting.clone().try_acquire_owned().ok();
        if permit.is_none() {
            telemetry::limited("waiting_requests");
        }
        permit
    }

    /// Counts a prepare; when the user has had too many, how long to wait.
    pub fn prepare(&self, caller: &Caller) -> Result<(), Duration> {
        let most = f64::from(self.options.prepares_per_minute.max(1));
        let now = Instant::now();
        let refilled =
            |bucket: &Bucket| (bucket.left + most * (now - bucket.at).as_secs_f64() / MINUTE.as_secs_f64()).min(most);
        let mut buckets = self.prepares.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_BUCKETS {
            buckets.retain(|_, bucket| refilled(bucket) < most);
        }
        let bucket = buckets.entry(user(caller)).or_insert(Bucket { left: most, at: now });
        bucket.left = refilled(bucket);
        bucket.at = now;
        if bucket.left < 1.0 {
            telemetry::limited("prepares_per_minute");
            return Err(MINUTE.mul_f64((1.0 - bucket.left) / most));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

fn user(caller: &Caller) -> User {
    let tenant = match &caller.scope {
        Scope::Tenant(tenant) => Some(tenant.as_str().into()),
        Scope::Every => None,
    };
    (tenant, caller.user.clone())
}

/// How many each key holds.
struct Counts<K> {
    name: &'static str,
    most: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn new(name: &'static str, most: usize) -> Self {
        Self { name, most, held: Arc::default() }
    }

    fn hold(&self, key: K) -> Option<Held<K>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;
    use crate::recording::{Tenant, Timestamp};

    fn limits() -> Limits {
        Limits::new(LimitOptions {
            sockets_per_user: 2,
            sockets_per_address: 1,
            sids_per_socket: 1,
            message_bytes: 1,
            waiting_requests: 1,
            prepares_per_minute: 60,
        })
    }

    fn caller(tenant: &str, user: &str) -> Caller {
        let scope = Scope::Tenant(Tenant::new(tenant).unwrap());
        Caller { user: user.into(), scope, role: Role::Agent, expires: Timestamp(0) }
    }

    #[test]
    fn what_is_let_go_can_be_had_again_and_nothing_is_remembered() {
        let limits = limits();
        let (a, b) = (limits.socket_of_user(&caller("t", "u")), limits.socket_of_user(&caller("t", "u")));
        assert!(a.is_some() && limits.socket_of_user(&caller("t", "u")).is_none());
        assert!(limits.socket_of_user(&caller("other", "u")).is_some(), "a name counts within its tenant");
        drop((a, b));
        assert!(limits.users.held.lock().unwrap().is_empty());
        let permit = limits.wait();
        assert!(permit.is_some() && limits.wait().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn prepares_refill_evenly_over_a_minute() {
        let limits = limits();
        for _ in 0..60 {
            limits.prepare(&caller("t", "u")).unwrap();
        }
        assert_eq!(limits.prepare(&caller("t", "u")).unwrap_err(), Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        limits.prepare(&caller("t", "u")).unwrap();
        limits.prepare(&caller("t", "v")).unwrap();
    }
}
