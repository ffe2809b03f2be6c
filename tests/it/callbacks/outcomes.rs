//! The provider's word that there is no recording.

use loadtest::twilio::{NewRecording, Recording, Status};
use serde_json::{Value, json};

use super::announce;
use crate::support::Bench;

async fn state(bench: &Bench, sid: &str) -> Value {
    bench.json(&format!("/api/recordings/{sid}")).await
}

async fn of_status(bench: &Bench, status: Status) -> Recording {
    bench.registered("t", NewRecording { status, ..Default::default() }).await
}

#[tokio::test]
async fn whoever_waits_is_told_at_once_that_it_is_absent_or_failed() {
    let bench = Bench::start().await;
    for (status, event, code) in [(Status::Absent, "absent", "absent"), (Status::Failed, "failed", "source_failed")] {
        let recording = of_status(&bench, status).await;
        let mut socket = bench.socket().await;
        socket.subscribe(&recording.call_sid, "watch").await;
        assert_eq!(announce(&bench, &recording, event).await, 204);
        let told = socket.until(if event == "absent" { "gone" } else { "failed" }).await;
        assert_eq!(told["code"], code);
        assert_eq!(bench.simulator.list_requests(&recording.call_sid), 0, "the source need not be asked");
        let state = state(&bench, &recording.call_sid).await;
        assert_eq!(state["code"], code);
    }
}

#[tokio::test]
async fn the_word_about_an_unknown_call_counts_when_it_is_registered() {
    let bench = Bench::start().await;
    for (status, event, code) in [(Status::Absent, "absent", "absent"), (Status::Failed, "failed", "source_failed")] {
        let recording = bench.simulator.add(NewRecording { status, ..Default::default() });
        assert_eq!(announce(&bench, &recording, event).await, 204);
        let answer = bench.register(&recording, json!({"tenant": "t"})).await;
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code);
        assert_eq!(state(&bench, &recording.call_sid).await["code"], code);
    }
}

/// The provider says one of the two about a recording.
#[tokio::test]
async fn completed_after_absent_changes_nothing_and_fetches_nothing() {
    let bench = Bench::start().await;
    let recording = of_status(&bench, Status::Completed).await;
    announce(&bench, &recording, "absent").await;
    let before = state(&bench, &recording.call_sid).await;
    for event in ["completed", "absent", "failed", "in-progress"] {
        assert_eq!(announce(&bench, &recording, event).await, 204);
    }
    assert_eq!(state(&bench, &recording.call_sid).await, before);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
}

#[tokio::test]
async fn completed_after_failed_is_fetched_after_all() {
    let bench = Bench::start().await;
    let recording = of_status(&bench, Status::Completed).await;
    announce(&bench, &recording, "failed").await;
    assert_eq!(state(&bench, &recording.call_sid).await["state"], "failed");
    announce(&bench, &recording, "completed").await;
    assert_eq!(super::landed(&bench, &recording.call_sid).await, bench.bytes_of(&recording));
}

#[tokio::test]
async fn a_call_whose_first_recording_is_absent_is_heard_by_its_second() {
    let bench = Bench::start().await;
    let first = of_status(&bench, Status::Absent).await;
    announce(&bench, &first, "absent").await;
    assert_eq!(state(&bench, &first.call_sid).await["state"], "gone");
    let second = bench.simulator.add(NewRecording { call_sid: Some(first.call_sid.clone()), ..Default::default() });
    announce(&bench, &second, "completed").await;
    assert_eq!(super::landed(&bench, &first.call_sid).await, bench.bytes_of(&second));
}
