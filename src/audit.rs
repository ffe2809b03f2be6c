//! The audit as the server keeps it: a series of like deeds is one entry, and nobody waits for the disk. Knows no route,
//! and not what an engine does with an entry.

mod keeper;
#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use quick_cache::sync::Cache;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, timeout};

use crate::catalog::{Action, Deed};
use crate::recording::{Scope, Sid, Timestamp};
use crate::telemetry;

pub use keeper::Keeper;

/// How long like deeds are one entry: a player asks for a recording in dozens of ranges.
const ONE_SERIES: Duration = Duration::from_secs(30 * 60);
/// Series that are remembered. One that is forgotten early is two entries.
const REMEMBERED: usize = 64 * 1024;
/// Deeds that may wait for a catalog which does not answer. Those beyond are lost, and counted.
const MOST_WAITING: usize = 8192;
/// How long one who needs to know that all is kept waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A deed that has just been done.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// What.
    pub action: Action,
    /// `ok`, or the code of the refusal.
    pub outcome: &'static str,
    /// The name that was asked for.
    pub sid: Sid,
    /// Who, and whose recordings exist for them; `None` where that is unknown.
    pub who: Option<(&'a str, &'a Scope)>,
    /// From where.
    pub address: IpAddr,
}

/// What the keeper is told.
enum Told {
    Deed(Deed),
    /// To be answered when everything before it is kept.
    Settle(oneshot::Sender<()>),
}

/// Takes notes.
pub struct Audit {
    keeper: mpsc::Sender<Told>,
    /// When each series began, by its hash. The keys of the hash are the process's own: nobody can make two alike.
    series: Cache<u64, Instant>,
    hasher: RandomState,
    /// Held by the one who begins a series: two connections begin it together.
    first: Mutex<()>,
}

impl Audit {
    /// An empty one, and what is to run beside it.
    pub fn channel() -> (Self, Keeper) {
        let (keeper, told) = mpsc::channel(MOST_WAITING);
        let series = Cache::new(REMEMBERED);
        let audit = Self { keeper, series, hasher: RandomState::new(), first: Mutex::default() };
        (audit, Keeper::new(told))
    }

    /// Notes a deed. Never waits.
    pub fn note(&self, done: Done<'_>) {
        let comes_in_series = matches!(done.action, Action::Played | Action::Downloaded | Action::Denied);
        if comes_in_series && !self.begins_series(&done) {
            return;
        }
        let deed = Deed {
            at: Timestamp::now(),
            action: done.action,
            outcome: done.outcome,
            sid: done.sid,
            who: done.who.map(|(user, _)| user.to_owned()),
            who_tenant: done.who.and_then(|(_, scope)| match scope {
                Scope::Tenant(tenant) => Some(tenant.clone()),
                Scope::Every => None,
            }),
            address: done.address,
        };
        if self.keeper.try_send(Told::Deed(deed)).is_err() {
            telemetry::audit_lost(1);
        }
    }

    /// Waits until what has been noted is kept, for some seconds at most; whether it is.
    pub async fn settled(&self) -> bool {
        let (settle, settled) = oneshot::channel();
        let all = async { self.keeper.send(Told::Settle(settle)).await.is_ok() && settled.await.is_ok() };
        timeout(PATIENCE, all).await.unwrap_or(false)
    }

    fn begins_series(&self, done: &Done<'_>) -> bool {
        let tenant = done.who.map(|(user, scope)| match scope {
            Scope::Tenant(tenant) => (user, Some(tenant)),
            Scope::Every => (user, None),
        });
        let key = self.hasher.hash_one((done.action, done.outcome, done.sid, tenant, done.address));
        let goes_on = || self.series.get(&key).is_some_and(|begun| begun.elapsed() < ONE_SERIES);
        if goes_on() {
            return false;
        }
        let _first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if goes_on() {
            return false;
        }
        self.series.insert(key, Instant::now());
        true
    }
}
