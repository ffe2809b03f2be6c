//! Bounds that are counted per user or per address, and those on everybody together. Each has a metric when reached.

mod address;
mod buckets;
mod counts;
mod seats;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::auth::{Caller, Role};
use crate::jobs::Depth;
use crate::recording::{Scope, Tenant};
use crate::telemetry;
use address::network;
use buckets::Buckets;
use counts::Counts;

pub use address::is_near;
pub use buckets::Reached;
pub use counts::Held;
pub use seats::{Seat, Seats};

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct LimitOptions {
    /// Open connections.
    pub connections: usize,
    /// Open connections from one address outside the own network.
    pub connections_per_address: usize,
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
    /// Requests that may need the catalog, answered at once.
    pub requests_at_once: usize,
    /// Requests of one user in a minute; landed recordings are not counted.
    pub requests_per_minute: u32,
    /// The same from one address.
    pub requests_per_minute_per_address: u32,
    /// Downloads one user may ask for in a minute.
    pub prepares_per_minute: u32,
    /// The same from one address.
    pub prepares_per_minute_per_address: u32,
    /// Tokens and links nobody has signed, from one address in a minute.
    pub failed_logins_per_minute: u32,
    /// Downloads that wait, beyond which no play adds one.
    pub jobs_waiting: u64,
}

/// Who has how much of what. Where an address is `None`, nobody knows whose it is, and it is not counted.
pub struct Limits {
    /// The bounds.
    pub options: LimitOptions,
    /// Open connections.
    pub seats: Seats,
    users: Counts<User>,
    addresses: Counts<IpAddr>,
    waiting: Arc<Semaphore>,
    turns: Semaphore,
    at_once: Semaphore,
    requests: Buckets<User>,
    requests_from: Buckets<IpAddr>,
    prepares: Buckets<User>,
    prepares_from: Buckets<IpAddr>,
    failed_logins: Buckets<IpAddr>,
}

/// A user within its tenant.
type User = (Option<Tenant>, Arc<str>);

/// Subscriptions looked up at once. When ten thousand sockets come back together, those that wait for their turn hold
/// next to nothing, and the catalog sees a queue and no crowd.
const LOOKS_AT_ONCE: usize = 32;

impl Limits {
    /// Nobody has anything yet.
    pub fn new(options: LimitOptions) -> Self {
        let most = |places: usize| Semaphore::new(places.min(Semaphore::MAX_PERMITS));
        Self {
            options,
            seats: Seats::new(options.connections, options.connections_per_address),
            users: Counts::new("sockets_per_user", options.sockets_per_user),
            addresses: Counts::new("sockets_per_address", options.sockets_per_address),
            waiting: Arc::new(most(options.waiting_requests)),
            turns: Semaphore::new(LOOKS_AT_ONCE),
            at_once: most(options.requests_at_once),
            requests: Buckets::new("requests_per_minute", options.requests_per_minute),
            requests_from: Buckets::new("requests_per_minute_per_address", options.requests_per_minute_per_address),
            prepares: Buckets::new("prepares_per_minute", options.prepares_per_minute),
            prepares_from: Buckets::new("prepares_per_minute_per_address", options.prepares_per_minute_per_address),
            failed_logins: Buckets::new("failed_logins_per_minute", options.failed_logins_per_minute),
        }
    }

    /// One more socket of that user, until the guard is dropped.
    pub fn socket_of_user(&self, caller: &Caller) -> Option<Held<User>> {
        self.users.hold(user(caller))
    }

    /// One more socket from that address, until the guard is dropped.
    pub fn socket_of_address(&self, address: IpAddr) -> Option<Held<IpAddr>> {
        self.addresses.hold(network(address))
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

    /// The place of a request that may need the catalog, until it is dropped.
    pub fn in_hand(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.at_once.try_acquire().ok();
        if permit.is_none() {
            telemetry::limited("requests_at_once");
        }
        permit
    }

    /// Counts a request for anything but a landed recording; without a caller, one that was turned away.
    pub fn request(&self, caller: Option<&Caller>, from: Option<IpAddr>) -> Result<(), Reached> {
        // A back end speaks for all its users, and registers calls in bulk.
        if caller.is_some_and(|caller| caller.role == Role::Service) {
            return Ok(());
        }
        if let Some(caller) = caller {
            self.requests.take(user(caller))?;
        }
        from.map_or(Ok(()), |from| self.requests_from.take(network(from)))
    }

    /// Counts a download that is asked for.
    pub fn prepare(&self, caller: &Caller, from: Option<IpAddr>) -> Result<(), Reached> {
        self.prepares.take(user(caller))?;
        from.map_or(Ok(()), |from| self.prepares_from.take(network(from)))
    }

    /// Whether the queue has room for one more download.
    pub fn has_room(&self, depth: Depth) -> bool {
        let has_room = depth.ready + depth.delayed < self.options.jobs_waiting;
        if !has_room {
            telemetry::limited("jobs_waiting");
        }
        has_room
    }

    /// Whether somebody there may show a token that nobody has seen yet.
    pub fn may_sign_in(&self, from: Option<IpAddr>) -> Result<(), Reached> {
        from.map_or(Ok(()), |from| self.failed_logins.has(&network(from)))
    }

    /// Counts a token or a link that nobody has signed.
    pub fn sign_in_failed(&self, from: Option<IpAddr>) -> Result<(), Reached> {
        from.map_or(Ok(()), |from| self.failed_logins.take(network(from)))
    }
}

fn user(caller: &Caller) -> User {
    let tenant = match &caller.scope {
        Scope::Tenant(tenant) => Some(tenant.clone()),
        Scope::Every => None,
    };
    (tenant, caller.user.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Timestamp;

    fn limits() -> Limits {
        Limits::new(LimitOptions {
            connections: 1,
            connections_per_address: 1,
            sockets_per_user: 2,
            sockets_per_address: 1,
            sids_per_socket: 1,
            message_bytes: 1,
            waiting_requests: 1,
            requests_at_once: 1,
            requests_per_minute: 2,
            requests_per_minute_per_address: 3,
            prepares_per_minute: 2,
            prepares_per_minute_per_address: 3,
            failed_logins_per_minute: 1,
            jobs_waiting: 2,
        })
    }

    fn caller(tenant: &str, user: &str) -> Caller {
        let scope = Scope::Tenant(Tenant::new(tenant).unwrap());
        Caller { user: user.into(), scope, role: Role::Agent, expires: Timestamp(0) }
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn what_is_let_go_can_be_had_again_and_nothing_is_remembered() {
        let limits = limits();
        let (a, b) = (limits.socket_of_user(&caller("t", "u")), limits.socket_of_user(&caller("t", "u")));
        assert!(a.is_some() && limits.socket_of_user(&caller("t", "u")).is_none());
        assert!(limits.socket_of_user(&caller("other", "u")).is_some(), "a name counts within its tenant");
        drop((a, b));
        assert_eq!(limits.users.len(), 0);
        let permit = limits.wait();
        assert!(permit.is_some() && limits.wait().is_none());
        let place = limits.in_hand();
        assert!(place.is_some() && limits.in_hand().is_none());
    }

    /// By name, the bounds that a user and an address reach.
    fn count_for_both(count: impl Fn(&str, Option<IpAddr>) -> Result<(), Reached>, [of_user, of_address]: [&str; 2]) {
        let here = address("203.0.113.7");
        let reached = |user, from| count(user, from).err().map(|reached| reached.limit);
        assert_eq!([reached("u", here), reached("u", here)], [None, None]);
        assert_eq!(reached("u", here), Some(of_user));
        assert_eq!([reached("v", here), reached("v", here)], [None, Some(of_address)]);
        assert_eq!([reached("w", None), reached("w", None)], [None, None], "whose address it is, nobody knows");
        assert_eq!(reached("w", None), Some(of_user));
    }

    #[test]
    fn downloads_and_requests_count_for_the_user_and_for_the_address() {
        let limits = limits();
        count_for_both(
            |user, from| limits.request(Some(&caller("t", user)), from),
            ["requests_per_minute", "requests_per_minute_per_address"],
        );
        count_for_both(
            |user, from| limits.prepare(&caller("t", user), from),
            ["prepares_per_minute", "prepares_per_minute_per_address"],
        );
    }

    #[test]
    fn a_back_end_asks_as_often_as_it_likes() {
        let (limits, back_end) = (limits(), Caller { role: Role::Service, ..caller("t", "u") });
        assert!((0..100).all(|_| limits.request(Some(&back_end), address("203.0.113.7")).is_ok()));
    }

    #[test]
    fn who_guesses_tokens_is_told_to_wait() {
        let (limits, here) = (limits(), address("2001:db8::1"));
        assert_eq!((limits.may_sign_in(here), limits.sign_in_failed(here)), (Ok(()), Ok(())));
        let neighbour = address("2001:db8::2");
        assert!(limits.may_sign_in(neighbour).is_err(), "the same network");
        assert!(limits.may_sign_in(address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn what_is_in_hand_takes_no_room_in_the_queue() {
        let limits = limits();
        assert!(limits.has_room(Depth { ready: 1, delayed: 0, leased: 100, dead: 0 }));
        assert!(!limits.has_room(Depth { ready: 1, delayed: 1, leased: 0, dead: 0 }));
    }
}
