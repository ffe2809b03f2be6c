//! The recordings that one listener watches, whatever protocol it speaks.

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::Caller;
use crate::delivery::{DeliveryError, Intent, Seen, Wait, Watched};
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::http::protocol::{Refusal, WireIntent};
use crate::recording::Sid;
use crate::registry::{Event, EventKind, Subscription};

/// What is watched, by the name asked for.
#[derive(Default)]
pub struct Watching(Vec<Entry>);

struct Entry {
    asked: Sid,
    /// The version that was told last.
    v: u64,
    /// Dropped, it leaves the wait map.
    _subscription: Subscription,
    /// A play that has not ended.
    wait: Option<Wait>,
}

impl Watching {
    /// How many are watched.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this one is.
    pub fn has(&self, asked: Sid) -> bool {
        self.0.iter().any(|entry| entry.asked == asked)
    }

    /// Whether an event is to be told: it is about what is still watched, and not older than what has been told. Two publishers
    /// on two threads may come in either order.
    pub fn awaits(&self, event: &Event) -> bool {
        let is_news = |v| if event.kind == EventKind::State { event.status.v > v } else { event.status.v >= v };
        self.0.iter().any(|entry| entry.asked == event.asked && is_news(entry.v))
    }

    /// Adds one, or replaces it; what its state was at that moment.
    pub fn add(&mut self, asked: Sid, watched: Watched, intent: Intent) -> Seen {
        let Watched { seen, subscription } = watched;
        let wait = match (self.remove(asked).and_then(|entry| entry.wait), intent) {
            (Some(wait), _) => Some(wait),
            (None, Intent::Play) if !seen.status.state.is_settled() => Some(Wait::begin(&seen.status)),
            (None, _) => None,
        };
        // Most sockets watch one recording: no room for four is made for it.
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        self.0.push(Entry { asked, v: seen.status.v, _subscription: subscription, wait });
        seen
    }

    /// Stops watching it.
    pub fn forget(&mut self, asked: Sid) {
        self.remove(asked);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }

    /// Those of the events that are to be told, in their order; taken for told.
    pub fn news(&mut self, mut events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
        events.retain(|event| {
            let awaits = self.awaits(event);
            if let Some(entry) = self.0.iter_mut().find(|entry| awaits && entry.asked == event.asked) {
                entry.v = event.status.v;
            }
            awaits
        });
        events
    }

    /// Notes that an event has been told; ends the wait that it brings to its end.
    pub fn note(&mut self, event: &Event) {
        let Some(entry) = self.0.iter_mut().find(|entry| entry.asked == event.asked) else { return };
        entry.v = entry.v.max(event.status.v);
        if event.kind == EventKind::State
            && event.status.state.is_settled()
            && let Some(wait) = entry.wait.take()
        {
            wait.end(event.status.state.as_str());
        }
    }

    fn remove(&mut self, asked: Sid) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.asked == asked)?;
        Some(self.0.swap_remove(at))
    }
}

/// Those that may be watched or played now, and those whose download is one too many, each with why.
pub async fn admitted(
    app: &App,
    caller: &Caller,
    from: Option<IpAddr>,
    intent: Intent,
    sids: Vec<Sid>,
) -> (Vec<Sid>, Vec<(Sid, Refusal)>) {
    // What is only watched is not counted.
    if intent == Intent::Watch {
        return (sids, Vec::new());
    }
    let (mut admitted, mut refused) = (Vec::with_capacity(sids.len()), Vec::new());
    let has_room = app.has_room().await;
    for sid in sids {
        match app.limits.prepare(caller, from) {
            Ok(()) if has_room => admitted.push(sid),
            Ok(()) => refused.push((sid, Refusal { code: "overloaded", temporary: true })),
            Err(reached) => refused.push((sid, Refusal { code: Problem::from(reached).code(), temporary: true })),
        }
    }
    (admitted, refused)
}

/// Why one recording of several cannot be watched.
pub fn refusal(error: &DeliveryError) -> Refusal {
    match error.code() {
        Some(code) => Refusal { code: code.as_str(), temporary: true },
        None => Refusal { code: "not_found", temporary: false },
    }
}

impl From<WireIntent> for Intent {
    fn from(intent: WireIntent) -> Self {
        match intent {
            WireIntent::Watch => Self::Watch,
            WireIntent::Play => Self::Play,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{About, Progress, Recording, State, Status, Tenant};
    use crate::registry::{Mailbox, Registry};
    use tokio::time::Instant;

    #[tokio::test]
    async fn what_is_older_than_what_was_told_is_not_told() {
        let sid: Sid = "CA00000000000000000000000000000001".parse().unwrap();
        let recording = Recording {
            sid,
            call_sid: sid,
            recording_sid: None,
            account_sid: "AC1".into(),
            tenant: Tenant::new("t").unwrap(),
            about: About::default(),
        };
        let registry = Registry::default();
        let pin = registry.pin(sid);
        let status = |v, state| Status { v, state, ..Status::unknown() };
        pin.seed(recording, status(2, State::Queued)).send().await;
        let (subscription, recording, seen) = pin.attach(sid, &Mailbox::new(8)).unwrap();
        let mut watching = Watching::default();
        let watched = Watched { seen: Seen { recording: recording.clone(), status: seen }, subscription };
        watching.add(sid, watched, Intent::Watch);
        let event = |kind, v, state| {
            let status = Status { progress: Some(Progress { received: 1, total: None }), ..status(v, state) };
            Arc::new(Event::new(kind, sid, recording.clone(), status, Instant::now()))
        };
        // Two publishers on two threads: the later change came first.
        let events = vec![
            event(EventKind::State, 2, State::Queued),
            event(EventKind::State, 4, State::Ready),
            event(EventKind::State, 3, State::Downloading),
            event(EventKind::Progress, 3, State::Downloading),
            event(EventKind::Progress, 4, State::Downloading),
        ];
        let told: Vec<_> = watching.news(events).iter().map(|event| (event.kind, event.status.v)).collect();
        assert_eq!(told, [(EventKind::State, 4), (EventKind::Progress, 4)]);
        let late = event(EventKind::State, 3, State::Downloading);
        assert!(!watching.awaits(&late));
        watching.note(&late);
        assert!(watching.awaits(&event(EventKind::State, 5, State::Gone)), "an older one takes nothing back");
        watching.forget(sid);
        assert!(!watching.awaits(&event(EventKind::State, 6, State::Gone)));
    }
}
