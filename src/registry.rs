//! The wait map: per recording, its status of the moment and who waits for it. Sole owner of the map; knows no
//! protocol, no disk and no catalog.
//!
//! No wake-up is lost, because a slot is *pinned* before anybody looks at the truth (catalog, volume), and a waiter
//! is attached and the status copied under one map guard. No guard is ever held across an await, and a slot's
//! existence is decided inside one `entry` or `remove_if`.

mod mailbox;
mod prefetch;
mod slot;
#[cfg(test)]
mod tests;
mod waiters;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use tokio::time::Instant;

pub use mailbox::{Event, EventKind, Inbox, Line, Mailbox};
use prefetch::prefetch;
use slot::Slot;

use crate::recording::{Progress, Recording, Sid, State, Status};

/// How many waiters are woken before the publisher lets others run.
const WAKES_PER_TURN: usize = 256;
/// How many are told while the memory of a line comes; twice as many while that of a mailbox does, which leads to the line.
const AHEAD: usize = 2;
/// Least time between two progress events of one recording: at most 4 a second.
const PROGRESS_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// A handle to the wait map; clones share it.
#[derive(Clone, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Boxed: a table of them would be half empty. What stays in it are names that back ends have registered, and what anybody else
    /// asks for is there, within the bounds on requests, until the catalog has answered: the hash need not withstand whoever chooses
    /// names, and is a third of the code.
    slots: DashMap<Sid, Box<Slot>, RandomState>,
    subscriptions: AtomicU64,
}

/// Numbers for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Recordings that somebody watches or works on.
    pub slots: u64,
    /// Attached waiters.
    pub subscriptions: u64,
}

impl Registry {
    /// Keeps the slot of `sid` in the map until the pin is dropped; makes an unseeded one if there is none.
    pub fn pin(&self, sid: Sid) -> Pin {
        self.0.slots.entry(sid).or_default().pins += 1;
        Pin { registry: self.clone(), sid }
    }

    /// Whether anybody watches or works on `sid`.
    pub fn holds(&self, sid: Sid) -> bool {
        self.0.slots.contains_key(&sid)
    }

    /// The state of `sid`, where somebody watches or works on it and it has been seeded.
    pub fn state(&self, sid: Sid) -> Option<State> {
        self.0.slots.get(&sid)?.status().map(|status| status.state)
    }

    /// Whether the thread that asks serves anybody who waits for `sid`, and it has not landed as far as is known.
    pub fn waits_here(&self, sid: Sid) -> bool {
        let is_open = |status: &Status| !matches!(status.state, State::Ready | State::Gone);
        self.0.slots.get(&sid).is_some_and(|slot| slot.status().is_none_or(is_open) && slot.has_waiters_here())
    }

    /// As [`Pin::advance`], without a pin, for who tells the waiters of this moment: where there is no slot, nothing waits.
    pub fn advance(&self, sid: Sid, next: impl FnOnce(&Status) -> Option<Status>) -> Fanout {
        let at = Instant::now();
        self.0.slots.get_mut(&sid).map_or_else(Fanout::default, |mut slot| slot.advance(next, at))
    }

    /// The recordings that somebody waits for and that have not settled: what a sweep must look at.
    pub fn waited_for(&self) -> Vec<Sid> {
        let is_open = |status: &Status| !status.state.is_settled() || status.awaits_mount();
        let waited = |slot: &Slot| slot.has_waiters() && slot.status().is_some_and(is_open);
        self.0.slots.iter().filter(|slot| waited(slot)).map(|slot| *slot.key()).collect()
    }

    /// Counts for the metrics; constant time.
    pub fn census(&self) -> Census {
        Census { slots: self.0.slots.len() as u64, subscriptions: self.0.subscriptions.load(Ordering::Relaxed) }
    }
}

/// A slot that stays in the map. Whoever looks at the truth holds one, so that no change is missed meanwhile.
pub struct Pin {
    registry: Registry,
    sid: Sid,
}

impl Pin {
    /// The recording's storage name.
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// What the slot knows; `None` until it has been seeded.
    pub fn get(&self) -> Option<(Arc<Recording>, Status)> {
        self.registry.0.slots.get(&self.sid)?.known.clone()
    }

    /// Tells the slot what the catalog says. Older news than the slot's own is ignored; newer is published.
    pub fn seed(&self, recording: Recording, status: Status) -> Fanout {
        self.change(|slot| {
            let Some((known, current)) = &mut slot.known else {
                slot.known = Some((Arc::new(recording), status));
                return Fanout::default();
            };
            if **known != recording {
                *known = Arc::new(recording);
            }
            let gone = status.state == State::Gone && current.state != State::Gone;
            if status.v <= current.v && !gone {
                return Fanout::default();
            }
            // An erasure wins against a landing that was announced before the catalog could count it.
            let v = status.v.max(current.v + 1);
            slot.publish(Status { v, ..status }, Instant::now())
        })
    }

    /// Moves to the status that `next` makes of the current one, under the slot's guard, and gathers who must be
    /// told. `next` returns `None` where nothing changes; an unseeded slot never changes.
    pub fn advance(&self, next: impl FnOnce(&Status) -> Option<Status>) -> Fanout {
        let at = Instant::now();
        self.change(|slot| slot.advance(next, at))
    }

    /// Notes how far a download has come. Told to waiters at most four times a second, and only the latest.
    pub fn progress(&self, progress: Progress) -> Fanout {
        let now = Instant::now();
        self.change(|slot| {
            let Some((_, status)) = &mut slot.known else { return Fanout::default() };
            if status.state != State::Downloading {
                return Fanout::default();
            }
            status.progress = Some(progress);
            if slot.told_progress.is_some_and(|last| now < last + PROGRESS_EVERY) {
                return Fanout::default();
            }
            slot.told_progress = Some(now);
            slot.tell(EventKind::Progress, now)
        })
    }

    /// Adds a waiter that asked by the name `asked`, and copies the status, under one guard. The mailbox gets every
    /// later change until the subscription is dropped. `None` while the slot has not been seeded.
    pub fn attach(&self, asked: Sid, mailbox: &Arc<Mailbox>) -> Option<(Subscription, Arc<Recording>, Status)> {
        let (key, recording, status) = self.change(|slot| {
            let (recording, status) = slot.known.clone()?;
            Some((slot.add(asked, mailbox.clone()), recording, status))
        })?;
        self.registry.0.subscriptions.fetch_add(1, Ordering::Relaxed);
        let subscription = Subscription { registry: self.registry.clone(), sid: self.sid, key };
        Some((subscription, recording, status))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Slot) -> T) -> T {
        // The slot is there as long as the pin is; `or_default` only spares a panic.
        change(&mut self.registry.0.slots.entry(self.sid).or_default())
    }
}

impl Clone for Pin {
    fn clone(&self) -> Self {
        self.registry.pin(self.sid)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.registry.release(self.sid, |slot| slot.pins -= 1);
    }
}

/// A waiter in the map; dropping it removes the waiter, and the slot with the last one.
pub struct Subscription {
    registry: Registry,
    sid: Sid,
    key: u32,
}

impl Subscription {
    /// The storage name of the recording waited for.
    pub fn sid(&self) -> Sid {
        self.sid
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.registry.0.subscriptions.fetch_sub(1, Ordering::Relaxed);
        self.registry.release(self.sid, |slot| slot.remove(self.key));
    }
}

impl Registry {
    /// Lets go of a slot and removes it with its last holder, in one step: two that leave together cannot both
    /// believe the other is still there, and one that arrives cannot get a slot that is being removed.
    fn release(&self, sid: Sid, leave: impl FnOnce(&mut Slot)) {
        if let Entry::Occupied(mut slot) = self.0.slots.entry(sid) {
            leave(slot.get_mut());
            if slot.get().is_unused() {
                slot.remove();
            }
        }
    }
}

/// Who is told, and what.
type Told = (Arc<Mailbox>, Arc<Event>);

/// Who must be told of a change. Gathered under the guard, told outside it.
#[derive(Default)]
#[must_use = "waiters hear of a change only when it is sent"]
pub struct Fanout {
    to: Vec<Told>,
    /// The status that is news, if there is any.
    pub news: Option<Status>,
}

impl Fanout {
    /// Puts the event into as many mailboxes as one turn has room for; the rest is the caller's to send, on this thread too.
    pub fn send_from_here(mut self) -> Option<Self> {
        let rest = self.to.split_off(self.to.len().min(WAKES_PER_TURN));
        let mut to = self.to.into_iter();
        while let Some((mailbox, event)) = next(&mut to) {
            mailbox.put(event);
        }
        (!rest.is_empty()).then_some(Self { to: rest, news: None })
    }

    /// Puts the event into every mailbox, letting other tasks run now and then.
    pub async fn send(self) -> Option<Status> {
        let mut to = self.to.into_iter();
        while let Some((mailbox, event)) = next(&mut to) {
            mailbox.put(event);
            if to.len() > 0 && to.len().is_multiple_of(WAKES_PER_TURN) {
                tokio::task::yield_now().await;
            }
        }
        self.news
    }
}

/// The next of a crowd; the memory of those after it is asked for meanwhile.
fn next(to: &mut std::vec::IntoIter<Told>) -> Option<Told> {
    if let Some((mailbox, _)) = to.as_slice().get(2 * AHEAD) {
        prefetch(&**mailbox);
    }
    if let Some((mailbox, _)) = to.as_slice().get(AHEAD) {
        mailbox.prefetch_line();
    }
    to.next()
}
