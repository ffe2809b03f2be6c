//! Each metric of the contract is provoked once and counts what it says. The bounds of time are counted where their clocks
//! are paused; what expires where
//! retention is tested; `volume_shared` and what Redis loses in `fleet`; missed signals in `sockets`.

mod levels;
mod listeners;
mod provider;

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Recording};

use crate::support::Bench;

/// What a metric stood at, and by how much it has risen since.
struct Meter<'a>(&'a Bench, Vec<(String, f64)>);

impl<'a> Meter<'a> {
    /// Of these series, without the prefix that all have.
    async fn of(bench: &'a Bench, series: &[&str]) -> Self {
        let mut meter = Self(bench, Vec::new());
        for series in series {
            let series = format!("landfall_{series}");
            let stands = bench.metric(&series).await;
            meter.1.push((series, stands));
        }
        meter
    }

    /// Waits until each has risen by so much, and no more: what is counted after an answer was sent comes a moment later.
    async fn has_risen_by(&self, by: &[f64]) {
        assert_eq!(self.1.len(), by.len());
        let begun = tokio::time::Instant::now();
        loop {
            let mut risen = Vec::new();
            for (series, stood) in &self.1 {
                risen.push(self.0.metric(series).await - stood);
            }
            if risen == by {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?} rose by {risen:?}, not {by:?}", self.1);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A recording of the tenant `t` with which that goes wrong.
async fn faulty(bench: &Bench, faults: Faults) -> Recording {
    bench.registered("t", NewRecording { faults: Some(faults), ..Default::default() }).await
}

/// A recording of the tenant `t` whose download is under way until the simulator lets go of it.
async fn held(bench: &Bench) -> Recording {
    bench.registered("t", NewRecording { held: true, ..Default::default() }).await
}

fn file(recording: &Recording) -> String {
    format!("/api/recordings/file/{}", recording.call_sid)
}
