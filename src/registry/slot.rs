//! One entry of the wait map. Every method runs under the map's guard, so none may block or call out.

use std::sync::Arc;

use tokio::time::Instant;

use super::Fanout;
use super::mailbox::{Event, EventKind, Mailbox};
use super::prefetch::prefetch;
use super::waiters::Waiters;
use crate::recording::{Recording, Sid, Status};

/// How many are counted in while the memory of another comes.
const AHEAD: usize = 8;

#[derive(Default)]
pub(super) struct Slot {
    /// What is known, once the catalog has been asked.
    pub known: Option<(Arc<Recording>, Status)>,
    /// How many hold the slot without waiting in it.
    pub pins: u32,
    pub told_progress: Option<Instant>,
    waiters: Waiters,
}

impl Slot {
    pub fn status(&self) -> Option<&Status> {
        self.known.as_ref().map(|(_, status)| status)
    }

    pub fn has_waiters(&self) -> bool {
        self.waiters.len() > 0
    }

    /// Whether one of them is served by the thread that asks.
    pub fn has_waiters_here(&self) -> bool {
        self.waiters.iter().any(|(_, mailbox)| mailbox.is_here())
    }

    pub fn is_unused(&self) -> bool {
        self.pins == 0 && !self.has_waiters()
    }

    pub fn add(&mut self, asked: Sid, mailbox: Arc<Mailbox>) -> u32 {
        self.waiters.add(asked, mailbox)
    }

    pub fn remove(&mut self, key: u32) {
        self.waiters.remove(key);
    }

    /// Takes over the status that `next` makes of the current one, if it makes any.
    pub fn advance(&mut self, next: impl FnOnce(&Status) -> Option<Status>, at: Instant) -> Fanout {
        match self.status().and_then(next) {
            Some(status) => self.publish(status, at),
            None => Fanout::default(),
        }
    }

    /// Takes over a status that differs in more than progress, and gathers who must be told.
    pub fn publish(&mut self, status: Status, at: Instant) -> Fanout {
        let Some((_, current)) = &mut self.known else { return Fanout::default() };
        *current = status.clone();
        let mut fanout = self.tell(EventKind::State, at);
        fanout.news = Some(status);
        fanout
    }

    /// One event per name asked by, shared by all who asked by it.
    pub fn tell(&self, kind: EventKind, at: Instant) -> Fanout {
        let Some((recording, status)) = &self.known else { return Fanout::default() };
        let mut events: [Option<Arc<Event>>; 2] = [None, None];
        let mut to = Vec::with_capacity(self.waiters.len());
        let mut later = self.waiters.iter().skip(AHEAD);
        for (asked, mailbox) in self.waiters.iter() {
            if let Some((_, later)) = later.next() {
                prefetch(&**later);
            }
            let event = events[usize::from(asked != recording.sid)]
                .get_or_insert_with(|| Arc::new(Event::new(kind, asked, recording.clone(), status.clone(), at)));
            to.push((mailbox.clone(), event.clone()));
        }
        Fanout { to, news: None }
    }
}
