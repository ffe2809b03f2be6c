//! When recordings landed, and when each listener heard of it: joined, since either may be known first.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::meter::{Meter, Metric};
use crate::measure::arrivals::Arrivals;

/// How long the thread that watches goes without looking whether it is still wanted.
const LOOK: Duration = Duration::from_millis(200);
/// Landings that are remembered; the oldest run out of listeners long before.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Default)]
struct Landing {
    landed: Option<Instant>,
    heard: Vec<Instant>,
}

/// Landings of this run. Knows them only where the volume is on this machine.
#[derive(Debug, Default)]
pub(super) struct Landings {
    by_sid: Mutex<HashMap<String, Landing>>,
    watched: bool,
}

impl Landings {
    /// Watches the volume in a thread, until nobody else holds this. Without a volume, nothing is ever timed.
    pub(super) fn watch(volume: Option<&Path>, meter: &Arc<Meter>) -> std::io::Result<Arc<Self>> {
        let Some(volume) = volume else { return Ok(Arc::default()) };
        let landings = Arc::new(Self { by_sid: Mutex::default(), watched: true });
        let (weak, meter) = (Arc::downgrade(&landings), Arc::clone(meter));
        let volume = volume.to_path_buf();
        let mut arrivals = Arrivals::of(&volume)?;
        std::thread::Builder::new().name("landings".to_owned()).spawn(move || {
            while let Some(landings) = weak.upgrade() {
                let told = arrivals.within(LOOK, |sid| landings.landed(sid, Instant::now(), &meter));
                if told.is_err() {
                    break;
                }
            }
        })?;
        Ok(landings)
    }

    fn landed(&self, sid: &str, at: Instant, meter: &Meter) {
        let mut by_sid = self.by_sid.lock().unwrap_or_else(PoisonError::into_inner);
        if by_sid.len() >= REMEMBERED {
            by_sid.clear();
        }
        let landing = by_sid.entry(sid.to_owned()).or_default();
        landing.landed = Some(at);
        for heard in landing.heard.drain(..) {
            meter.record(Metric::Ready, heard.saturating_duration_since(at));
        }
    }

    /// A socket has read the push of `ready`. The thread that watches may learn of the landing after that: it counts as no time at all.
    pub(super) fn heard(&self, sid: &str, at: Instant, meter: &Meter) {
        if !self.watched {
            return;
        }
        let mut by_sid = self.by_sid.lock().unwrap_or_else(PoisonError::into_inner);
        if by_sid.len() >= REMEMBERED {
            by_sid.clear();
        }
        let landing = by_sid.entry(sid.to_owned()).or_default();
        match landing.landed {
            Some(landed) => meter.record(Metric::Ready, at.saturating_duration_since(landed)),
            None => landing.heard.push(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_timed_whichever_is_known_first() {
        let (landings, meter) = (Landings { watched: true, ..Landings::default() }, Meter::new());
        let at = Instant::now();
        landings.heard("CA1", at + Duration::from_millis(3), &meter);
        assert_eq!(meter.total(Metric::Ready).len(), 0);
        landings.landed("CA1", at, &meter);
        landings.heard("CA1", at + Duration::from_millis(5), &meter);
        let ready = meter.total(Metric::Ready);
        assert_eq!((ready.len(), ready.min() / 100, ready.max() / 100), (2, 30, 50));
    }
}
