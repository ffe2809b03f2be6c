//! What a server says by itself.

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Status};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::Bench;

#[tokio::test]
async fn each_change_is_pushed_with_a_growing_version_and_what_is_known_of_the_recording() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording { held: true, ..Default::default() });
    let about = json!({"tenant": "t", "started_at": "2026-01-31T14:00:00+02:00", "duration_s": 31, "from": "+97231234567",
        "to": "+15005550006", "direction": "inbound", "title": "שיחה \"1\""});
    assert_eq!(bench.register(&recording, about).await.status(), 201);
    let mut socket = bench.socket().await;
    let first = socket.subscribe(&recording.call_sid, "watch").await;
    assert_eq!(
        first,
        json!({"sid": recording.call_sid, "call_sid": recording.call_sid, "v": first["v"], "state": "unknown",
            "duration_ms": 31_000, "started_at": "2026-01-31T12:00:00.000Z", "from": "+97231234567", "to": "+15005550006",
            "direction": "inbound", "title": "שיחה \"1\""}),
        "members that do not apply are left out"
    );
    bench.socket().await.subscribe(&recording.call_sid, "play").await;
    let mut changes = vec![first];
    while changes.last().unwrap()["state"] != "ready" {
        let message = socket.next().await;
        if message["state"] == "downloading" {
            bench.simulator.release(&recording.recording_sid);
        }
        if message["type"] == "progress" {
            let keys: Vec<&String> = message.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["received", "sid", "total", "type", "v"]);
            assert_eq!(message["v"], changes.last().unwrap()["v"], "progress carries the current version");
        } else {
            let (before, now) = (changes.last().unwrap()["v"].as_u64(), message["v"].as_u64());
            assert_eq!(now, before.map(|v| v + 1), "{message}");
            assert_eq!(message["type"], if message["state"] == "ready" { "ready" } else { "state" });
            assert_eq!(message["title"], "שיחה \"1\"");
            changes.push(message);
        }
    }
    let states: Vec<&Value> = changes.iter().map(|change| &change["state"]).collect();
    assert_eq!(json!(states), json!(["unknown", "queued", "downloading", "ready"]));
    let mut ready = changes.pop().unwrap();
    assert_eq!(ready["recording_sid"], recording.recording_sid, "the source has told its name");
    ready.as_object_mut().unwrap().remove("type");
    assert_eq!(ready, bench.json(&format!("/api/recordings/{}", recording.call_sid)).await, "the same state object");
    for member in ["url", "size", "etag", "content_type", "duration_ms", "channels"] {
        assert!(!ready[member].is_null(), "{member} is missing");
    }
    assert_eq!((&ready["channels"], &ready["content_type"]), (&json!(2), &json!("audio/mpeg")));
    assert!(ready["code"].is_null() && ready["temporary"].is_null() && ready["received"].is_null());
}

#[tokio::test]
async fn progress_comes_at_most_four_times_a_second_and_grows() {
    let bench = Bench::start().await;
    // Some two seconds of body.
    let faults = Some(Faults { bytes_per_second: 600_000, ..Default::default() });
    let recording = bench.registered("t", NewRecording { seconds: 300.0, faults, ..Default::default() }).await;
    let total = bench.bytes_of(&recording).len() as u64;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    let (mut told, mut last) = (Vec::new(), 0);
    loop {
        let message = socket.next().await;
        match message["type"].as_str().unwrap() {
            "progress" => {
                assert_eq!(message["total"], total);
                let received = message["received"].as_u64().unwrap();
                assert!(received >= last && received <= total, "{received} after {last}");
                last = received;
                told.push(Instant::now());
            }
            "ready" => break,
            _ => {}
        }
    }
    assert!(told.len() >= 3 && last > 0, "{} times", told.len());
    for pair in told.windows(5) {
        let took = pair[4] - pair[0];
        assert!(took >= Duration::from_millis(900), "five within {took:?}");
    }
}

#[tokio::test]
async fn a_subscriber_who_comes_late_is_told_how_far_the_download_is() {
    let bench = Bench::start().await;
    let faults = Some(Faults { hold_after: Some(600_000), ..Default::default() });
    let recording = bench.registered("t", NewRecording { seconds: 300.0, faults, ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    while socket.until("progress").await["received"].as_u64().unwrap() == 0 {}
    let state = bench.socket().await.subscribe(&recording.call_sid, "watch").await;
    assert_eq!(state["state"], "downloading");
    assert_eq!(state["total"], bench.bytes_of(&recording).len());
    assert!(state["received"].as_u64().unwrap() > 0);
    bench.simulator.release(&recording.recording_sid);
    socket.until("ready").await;
}

#[tokio::test]
async fn between_tries_it_is_queued_with_the_reason_and_the_time_of_the_next() {
    let bench = Bench::start().await;
    let faults = Some(Faults { server_error: 1, ..Default::default() });
    let recording = bench.registered("t", NewRecording { faults, ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    let waiting = loop {
        let state = socket.until("state").await;
        if !state["retry_at"].is_null() {
            break state;
        }
    };
    assert_eq!((&waiting["state"], &waiting["code"]), (&json!("queued"), &json!("source_failed")));
    assert_eq!(waiting["temporary"], true);
    let ready = socket.until("ready").await;
    assert!(ready["code"].is_null() && ready["retry_at"].is_null(), "{ready}");
}

#[tokio::test]
async fn what_failed_can_be_played_again_and_its_version_goes_on() {
    let bench = Bench::start().await;
    let faults = Some(Faults { unauthorized: true, ..Default::default() });
    let recording = bench.registered("t", NewRecording { faults, ..Default::default() }).await;
    let mut watcher = bench.socket().await;
    watcher.subscribe(&recording.call_sid, "watch").await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    let failed = socket.until("failed").await;
    assert_eq!((&failed["state"], &failed["code"]), (&json!("failed"), &json!("source_unauthorized")));
    assert_eq!(failed["temporary"], false, "somebody must mend the credentials first");
    assert_eq!(watcher.until("failed").await["v"], failed["v"]);
    bench.simulator.clear_faults(&recording.recording_sid);
    let again = socket.subscribe(&recording.call_sid, "play").await;
    assert!(again["v"].as_u64() > failed["v"].as_u64(), "{again}");
    assert!(["queued", "downloading"].contains(&again["state"].as_str().unwrap()), "{again}");
    assert!(again["code"].is_null(), "the reason of the last failure is over: {again}");
    let ready = socket.until("ready").await;
    assert!(ready["v"].as_u64() > again["v"].as_u64());
    assert_eq!(watcher.until("ready").await["v"], ready["v"]);
}

#[tokio::test]
async fn what_can_never_be_heard_is_gone() {
    let bench = Bench::start().await;
    for (status, code) in [(Status::Absent, "absent"), (Status::Deleted, "deleted_at_source")] {
        let recording = bench.registered("t", NewRecording { status, ..Default::default() }).await;
        let about = json!({"tenant": "t", "recording_sid": recording.recording_sid});
        assert_eq!(bench.register(&recording, about).await.status(), 200);
        let mut socket = bench.socket().await;
        socket.subscribe(&recording.call_sid, "play").await;
        let gone = socket.until("gone").await;
        assert_eq!((&gone["state"], &gone["code"], &gone["temporary"]), (&json!("gone"), &json!(code), &json!(false)));
        assert_eq!(socket.subscribe(&recording.call_sid, "play").await["state"], "gone", "for good");
    }
}

/// As a worker in another language does it.
fn land_as_others_do(bench: &Bench, sid: &str, bytes: &[u8]) {
    let draft = bench.directory.path().join("draft");
    std::fs::write(&draft, bytes).unwrap();
    std::fs::rename(&draft, bench.volume().join(format!("{sid}.mp3"))).unwrap();
}

#[tokio::test]
async fn a_landing_by_a_foreign_worker_is_pushed_at_once() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "watch").await;
    let begun = Instant::now();
    land_as_others_do(&bench, &recording.call_sid, &bench.bytes_of(&recording));
    let ready = socket.until("ready").await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(ready["size"], bench.bytes_of(&recording).len());
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
    assert_eq!(bench.metric("landfall_missed_signals_recovered_total").await, 0.0);
}

/// A hard link makes neither of the events that mean a landing: nobody is told.
#[tokio::test]
async fn a_landing_that_nobody_told_of_is_found_by_the_sweep() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "watch").await;
    let draft = bench.directory.path().join("draft");
    std::fs::write(&draft, bench.bytes_of(&recording)).unwrap();
    let begun = Instant::now();
    std::fs::hard_link(&draft, bench.volume().join(format!("{}.mp3", recording.call_sid))).unwrap();
    socket.until("ready").await;
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    assert_eq!(bench.metric("landfall_missed_signals_recovered_total").await, 1.0);
}

#[tokio::test]
async fn a_foreign_file_that_is_no_recording_has_not_landed() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "watch").await;
    for bytes in [&b""[..], b"<!doctype html><title>Sign in</title>", b"ID3"] {
        land_as_others_do(&bench, &recording.call_sid, bytes);
        assert_eq!(socket.pushed().await, Vec::<Value>::new());
        assert_eq!(socket.subscribe(&recording.call_sid, "watch").await["state"], "unknown");
    }
    socket.subscribe(&recording.call_sid, "play").await;
    socket.until("ready").await;
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert_eq!(answer.bytes().await.unwrap(), bench.bytes_of(&recording), "the fetched one has taken its place");
}
