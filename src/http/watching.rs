//! The recordings that one listener watches, whatever protocol it speaks.

use std::net::IpAddr;

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
        self.0.push(Entry { asked, _subscription: subscription, wait });
        seen
    }

    /// Stops watching it.
    pub fn forget(&mut self, asked: Sid) {
        self.remove(asked);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }

    /// Ends the wait that an event brings to its end.
    pub fn note(&mut self, event: &Event) {
        if event.kind == EventKind::State && event.status.state.is_settled() {
            let entry = self.0.iter_mut().find(|entry| entry.asked == event.asked);
            if let Some(wait) = entry.and_then(|entry| entry.wait.take()) {
                wait.end(event.status.state.as_str());
            }
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
