//! One entry of the wait map. Every method runs under the map's guard, so none may block or call out.

use std::sync::Arc;

use tokio::time::Instant;

use super::Fanout;
use super::mailbox::{Event, EventKind, Mailbox};
use crate::recording::{Recording, Sid, Status};

#[derive(Default)]
pub(super) struct Slot {
    /// What is known, once the catalog has been asked.
    pub known: Option<(Arc<Recording>, Status)>,
    /// How many hold the slot without waiting in it.
    pub pins: u32,
    pub told_progress: Option<Instant>,
    /// Waiters by key; freed keys are used again, so that leaving costs the same however many wait.
    waiters: Vec<Option<Waiter>>,
    free: Vec<u32>,
}

struct Waiter {
    asked: Sid,
    mailbox: Arc<Mailbox>,
}

impl Slot {
    pub fn status(&self) -> Option<&Status> {
        self.known.as_ref().map(|(_, status)| status)
    }

    pub fn has_waiters(&self) -> bool {
        self.waiters.len() > self.free.len()
    }

    /// Whether one of them is served by the thread that asks.
    pub fn has_waiters_here(&self) -> bool {
        self.waiters.iter().flatten().any(|waiter| waiter.mailbox.is_here())
    }

    pub fn is_unused(&self) -> bool {
        self.pins == 0 && !self.has_waiters()
    }

    pub fn add(&mut self, asked: Sid, mailbox: Arc<Mailbox>) -> u32 {
        let waiter = Some(Waiter { asked, mailbox });
        if let Some(key) = self.free.pop() {
            self.waiters[key as usize] = waiter;
            return key;
        }
        // Most recordings have one waiter: no room for four is made for it.
        if self.waiters.is_empty() {
            self.waiters.reserve_exact(1);
        }
        self.waiters.push(waiter);
        (self.waiters.len() - 1) as u32
    }

    pub fn remove(&mut self, key: u32) {
        self.waiters[key as usize] = None;
        self.free.push(key);
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
        let mut to = Vec::with_capacity(self.waiters.len() - self.free.len());
        for waiter in self.waiters.iter().flatten() {
            let event = events[usize::from(waiter.asked != recording.sid)]
                .get_or_insert_with(|| Arc::new(Event::new(kind, waiter.asked, recording.clone(), status.clone(), at)));
            to.push((waiter.mailbox.clone(), event.clone()));
        }
        Fanout { to, news: None }
    }
}
