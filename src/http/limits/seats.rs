//! Open connections: so many in all and from one address, and a few to spare for telling those beyond. Knows no stream.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::address::{is_near, network};
use super::counts::{Counts, Held};
use crate::telemetry;

/// Connections beyond the bound that hear at once that the server is full, or that it lives.
const SPARE: usize = 64;

/// The places there are for connections.
pub struct Seats {
    all: Arc<Semaphore>,
    spare: Arc<Semaphore>,
    addresses: Counts<IpAddr>,
}

/// A connection's place, until it is dropped.
pub struct Seat {
    /// Beyond the bound: good for one short answer.
    pub is_spare: bool,
    _place: OwnedSemaphorePermit,
    _of_address: Option<Held<IpAddr>>,
}

impl Seats {
    /// All of them free.
    pub fn new(in_all: usize, per_address: usize) -> Self {
        let in_all = in_all.min(Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(in_all)),
            spare: Arc::new(Semaphore::new(SPARE)),
            addresses: Counts::new("connections_per_address", per_address),
        }
    }

    /// A seat for a connection from that address. Those in the own network are counted in all only: behind a proxy,
    /// everybody's connections come from there.
    pub fn take(&self, peer: IpAddr) -> Option<Seat> {
        let of_address = match is_near(peer) {
            true => None,
            false => Some(self.addresses.hold(network(peer))?),
        };
        if let Ok(place) = self.all.clone().try_acquire_owned() {
            return Some(Seat { is_spare: false, _place: place, _of_address: of_address });
        }
        telemetry::limited("connections");
        let place = self.spare.clone().try_acquire_owned().ok()?;
        Some(Seat { is_spare: true, _place: place, _of_address: of_address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_connections_and_the_own_network_is_not_counted() {
        let seats = Seats::new(100, 2);
        let far = address("203.0.113.7");
        let held = [seats.take(far), seats.take(far)];
        assert!(held.iter().all(Option::is_some) && seats.take(far).is_none());
        assert!(seats.take(address("203.0.113.8")).is_some());
        let near: Vec<_> = (0..10).filter_map(|_| seats.take(address("10.0.0.7"))).collect();
        assert_eq!(near.len(), 10);
        drop(held);
        assert!(seats.take(far).is_some_and(|seat| !seat.is_spare));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let seats = Seats::new(100, 1);
        let _held = seats.take(address("2001:db8:1:2::1"));
        assert!(seats.take(address("2001:db8:1:2:ffff::9")).is_none());
        assert!(seats.take(address("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn beyond_all_seats_there_are_some_to_spare_and_beyond_those_none() {
        let seats = Seats::new(1, 1000);
        let first = seats.take(address("127.0.0.1"));
        assert!(first.as_ref().is_some_and(|seat| !seat.is_spare));
        let spare: Vec<_> = (0..SPARE).filter_map(|_| seats.take(address("127.0.0.1"))).collect();
        assert!(spare.len() == SPARE && spare.iter().all(|seat| seat.is_spare));
        assert!(seats.take(address("127.0.0.1")).is_none());
        drop(first);
        assert!(seats.take(address("127.0.0.1")).is_some_and(|seat| !seat.is_spare));
    }
}
