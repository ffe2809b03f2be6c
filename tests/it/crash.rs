//! The server is killed at every moment of a landing. Whatever the moment: after the next start the recording lands
//! whole, whoever waits is told, and nothing half done is left.

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Recording};
use rand::RngExt;
use serde_json::json;

use crate::support::{Bench, Process};

/// Where most of a long recording still is to come.
const HALF_WAY: u64 = 600_000;

async fn bench() -> (Bench, Process) {
    let mut bench = Bench::start().await;
    bench.stop().await;
    let process = Process::start(&mut bench).await;
    (bench, process)
}

fn long(faults: Faults) -> NewRecording {
    NewRecording { seconds: 300.0, faults: Some(faults), held: true, ..Default::default() }
}

/// What holds after every crash.
async fn heals(bench: &mut Bench, recording: &Recording) {
    bench.simulator.clear_faults(&recording.recording_sid);
    bench.simulator.release(&recording.recording_sid);
    let process = Process::start(bench).await;
    let mut socket = bench.socket().await;
    if socket.subscribe(&recording.call_sid, "play").await["state"] != "ready" {
        socket.until("ready").await;
    }
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.unwrap() == bench.bytes_of(recording));
    bench.no_parts().await;
    let names = std::fs::read_dir(bench.volume()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| *name != ".landfall").collect();
    assert_eq!(names, [format!("{}.mp3", recording.call_sid).as_str()]);
    process.kill().await;
}

#[tokio::test]
async fn killed_before_the_first_byte() {
    let (mut bench, process) = bench().await;
    let recording = bench.registered("t", long(Faults::default())).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    process.kill().await;
    heals(&mut bench, &recording).await;
}

#[tokio::test]
async fn killed_in_the_middle_of_the_body() {
    let (mut bench, process) = bench().await;
    let faults = Faults { hold_after: Some(HALF_WAY), ..Default::default() };
    let new = NewRecording { held: false, ..long(faults) };
    let recording = bench.registered("t", new).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    while socket.until("progress").await["received"] != HALF_WAY {}
    process.kill().await;
    let parts = std::fs::read_dir(bench.volume().join(".landfall/parts")).unwrap().count();
    assert!(parts > 0, "the killed one could not clean up");
    heals(&mut bench, &recording).await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 2);
}

#[tokio::test]
async fn killed_with_the_last_byte() {
    let (mut bench, process) = bench().await;
    let recording = bench.registered("t", long(Faults::default())).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    bench.simulator.release(&recording.recording_sid);
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_completed == 1).await;
    process.kill().await;
    heals(&mut bench, &recording).await;
}

#[tokio::test]
async fn killed_as_soon_as_listeners_are_told() {
    let (mut bench, process) = bench().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    socket.until("ready").await;
    process.kill().await;
    heals(&mut bench, &recording).await;
    assert_eq!(
        bench.simulator.stats(&recording.recording_sid).media_requests,
        1,
        "it had landed: it is not fetched again"
    );
}

#[tokio::test]
async fn what_was_under_way_is_taken_up_by_itself() {
    let (mut bench, process) = bench().await;
    let recording = bench.registered("t", long(Faults::default())).await;
    bench.socket().await.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    process.kill().await;
    bench.simulator.release(&recording.recording_sid);
    let _process = Process::start(&mut bench).await;
    let mut socket = bench.socket().await;
    if socket.subscribe(&recording.call_sid, "watch").await["state"] != "ready" {
        socket.until("ready").await;
    }
}

#[tokio::test]
async fn killed_at_any_moment() {
    for _ in 0..20 {
        let (mut bench, process) = bench().await;
        let recording = bench.registered("t", NewRecording { held: false, ..long(Faults::default()) }).await;
        let mut socket = bench.socket().await;
        let moment = Duration::from_micros(rand::rng().random_range(0..60_000));
        println!("killed {moment:?} after the play");
        socket.say(json!({"type": "subscribe", "id": 1, "sids": [recording.call_sid], "intent": "play"})).await;
        tokio::time::sleep(moment).await;
        process.kill().await;
        heals(&mut bench, &recording).await;
    }
}
