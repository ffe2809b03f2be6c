//! What one listener has not been told yet: a small queue with one waker, far smaller than a channel. And a line past it, for a
//! publisher on the listener's own thread.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

use axum::extract::ws::Utf8Bytes;
use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::prefetch::prefetch;
use crate::recording::{Recording, Sid, Status};

/// Something happened to a recording.
pub struct Event {
    /// A change of state, or only progress.
    pub kind: EventKind,
    /// The name the listener asked by.
    pub asked: Sid,
    /// The recording.
    pub recording: Arc<Recording>,
    /// Its status after the change.
    pub status: Status,
    /// When the change became known here.
    pub at: Instant,
    /// The message as some protocol writes it: made by the first who sends it, shared by all others.
    pub encoded: OnceLock<Utf8Bytes>,
}

/// Whether an event may be skipped in favour of a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Never dropped.
    State,
    /// Only the latest counts.
    Progress,
}

impl Event {
    /// An event that nobody has encoded yet.
    pub fn new(kind: EventKind, asked: Sid, recording: Arc<Recording>, status: Status, at: Instant) -> Self {
        Self { kind, asked, recording, status, at, encoded: OnceLock::new() }
    }
}

/// How a listener is told at once, while its task sleeps.
pub trait Line: Send + Sync {
    /// Tells it now, or not at all: `false` where that cannot be. Must neither block nor touch the mailbox.
    fn tell(&self, event: &Event) -> bool;
}

/// The queue between publishers and one listener's task.
pub struct Mailbox {
    inbox: Mutex<Inbox>,
    waker: AtomicWaker,
    most: u32,
    /// The thread that serves the listener.
    home: ThreadId,
    line: Option<Arc<dyn Line>>,
    is_open: AtomicBool,
}

/// As long as it lives, publishers on this thread may use the line.
pub struct OpenLine<'a>(&'a Mailbox);

impl Drop for OpenLine<'_> {
    fn drop(&mut self) {
        self.0.is_open.store(false, Relaxed);
    }
}

/// What a listener takes out of its mailbox.
#[derive(Default)]
pub struct Inbox {
    /// Oldest first.
    pub events: Vec<Arc<Event>>,
    /// More came than the mailbox may hold: the listener is too slow and must be let go.
    pub overflowed: bool,
}

impl Mailbox {
    /// An empty mailbox for at most `most` events, of a listener that this thread serves.
    pub fn new(most: u32) -> Arc<Self> {
        Arc::new(Self::made(most, None))
    }

    /// The same, with a line that is closed at first.
    pub fn with_line(most: u32, line: Arc<dyn Line>) -> Arc<Self> {
        Arc::new(Self::made(most, Some(line)))
    }

    fn made(most: u32, line: Option<Arc<dyn Line>>) -> Self {
        let home = thread::current().id();
        Self { inbox: Mutex::default(), waker: AtomicWaker::new(), most, home, line, is_open: AtomicBool::new(false) }
    }

    /// Opens the line while the listener's task sleeps with all that it had to say said. Only the listener's own thread sees it
    /// open, so that task and publisher never speak at the same time.
    pub fn open_line(&self) -> OpenLine<'_> {
        self.is_open.store(true, Relaxed);
        OpenLine(self)
    }

    /// Whether its listener is served by the thread that asks.
    pub fn is_here(&self) -> bool {
        self.home == thread::current().id()
    }

    /// Tells the listener where that can be done at once; else adds the event and wakes it. Progress replaces progress of the
    /// same recording.
    pub fn put(&self, event: Arc<Event>) {
        {
            let mut inbox = self.lock();
            // What waits already is told before.
            if inbox.events.is_empty() && self.open().is_some_and(|line| line.tell(&event)) {
                return;
            }
            let stale = |queued: &Arc<Event>| queued.kind == EventKind::Progress && queued.asked == event.asked;
            if let Some(at) = inbox.events.iter().position(stale) {
                inbox.events.remove(at);
            }
            if inbox.events.len() < self.most as usize {
                inbox.events.push(event);
            } else if event.kind == EventKind::State {
                inbox.overflowed = true;
            }
        }
        self.waker.wake();
    }

    /// Asks for the memory of the line, which is to be used in a moment.
    pub(super) fn prefetch_line(&self) {
        if let Some(line) = &self.line {
            prefetch(&**line);
        }
    }

    fn open(&self) -> Option<&dyn Line> {
        let is_open = self.is_open.load(Relaxed) && self.is_here();
        self.line.as_deref().filter(|_| is_open)
    }

    /// Takes everything, or registers the task to be woken.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Inbox> {
        self.waker.register(cx.waker());
        let mut inbox = self.lock();
        if inbox.events.is_empty() && !inbox.overflowed {
            return Poll::Pending;
        }
        // The queue's memory goes with it: an idle listener holds none.
        Poll::Ready(std::mem::take(&mut *inbox))
    }

    /// Takes everything as soon as there is something.
    pub async fn take(&self) -> Inbox {
        std::future::poll_fn(|cx| self.poll_take(cx)).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inbox> {
        // Nothing panics while the lock is held; were it so, the queue would still be whole.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
