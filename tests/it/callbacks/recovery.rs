//! Recordings whose callback was lost, or is never sent.

use std::time::Duration;

use landfall::serve::RecoverOptions;
use loadtest::twilio::{NewRecording, Status};
use serde_json::json;

use crate::support::{Bench, Knobs};

async fn bench(ages: [u64; 4]) -> Bench {
    let recover = RecoverOptions {
        ages: ages.map(Duration::from_millis),
        every: Duration::from_millis(50),
        spacing: Duration::from_millis(1),
    };
    Bench::with(Knobs { recover, ..Default::default() }).await
}

const NEVER: u64 = 80_000_000;

#[tokio::test]
async fn a_recording_lands_although_its_callback_was_lost() {
    let bench = bench([0, NEVER, NEVER, NEVER]).await;
    let recording = bench.registered("t", Default::default()).await;
    assert_eq!(super::landed(&bench, &recording.call_sid).await, bench.bytes_of(&recording));
    assert!(bench.metric("landfall_webhooks_total{outcome=\"recovered\"}").await >= 1.0);
    // Its callback, when it comes after all, changes nothing.
    let before = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    assert_eq!(super::announce(&bench, &recording, "completed").await, 204);
    assert_eq!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await, before);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn an_absence_that_nobody_told_is_found_too() {
    let bench = bench([300, NEVER, NEVER, NEVER]).await;
    let recording = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "watch").await;
    assert_eq!(socket.until("gone").await["code"], "absent");
}

#[tokio::test]
async fn a_call_is_asked_about_once_at_each_age_until_it_is_a_day_old() {
    let bench = bench([0, 400, NEVER, NEVER]).await;
    let status = || NewRecording { status: Status::InProgress, ..Default::default() };
    let recording = bench.registered("t", status()).await;
    let old = bench.simulator.add(status());
    bench.register(&old, json!({"tenant": "t", "started_at": "2020-01-01T00:00:00Z"})).await;
    let begun = tokio::time::Instant::now();
    while bench.simulator.list_requests(&recording.call_sid) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(200), "the second time at its age");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bench.simulator.list_requests(&recording.call_sid), 2);
    assert_eq!(bench.simulator.list_requests(&old.call_sid), 0);
}
