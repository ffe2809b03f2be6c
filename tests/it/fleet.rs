//! Many processes over one volume, one catalog and one Redis: what a listener of any server is told, whoever lands it.

mod clocks;
mod forgetful;
mod full;
mod kills;
mod mount;
mod partition;
mod starts;
mod workers;

use std::time::Duration;

use loadtest::twilio::NewRecording;
use reqwest::Method;
use tokio::time::Instant;

use crate::support::{Bench, Knobs, Socket, token};

/// A server without a worker.
async fn bench() -> Bench {
    Bench::with(Knobs { remote: true, ..Default::default() }).await
}

fn held() -> NewRecording {
    NewRecording { held: true, ..Default::default() }
}

/// Plays until it is there; how long that took.
async fn ready(socket: &mut Socket, sid: &str) -> Duration {
    let begun = Instant::now();
    if socket.subscribe(sid, "play").await["state"] != "ready" {
        socket.until("ready").await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn a_worker_lands_what_one_server_wants_and_the_listeners_of_all_are_told() {
    let bench = bench().await;
    let (other, worker) = (bench.another().await, bench.worker().await);
    let recording = bench.registered("t", held()).await;
    let mut here = bench.socket().await;
    let mut there = Bench::socket_at(other.url(), &token("t", "agent")).await;
    there.subscribe(&recording.call_sid, "watch").await;
    here.subscribe(&recording.call_sid, "play").await;
    there.until_state(&recording.call_sid, "downloading").await;
    bench.simulator.release(&recording.recording_sid);
    let (here, there) = (here.until("ready").await, there.until("ready").await);
    assert_eq!((&here["size"], &here["etag"]), (&there["size"], &there["etag"]));
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert!(answer.bytes().await.unwrap() == bench.bytes_of(&recording));
    assert_eq!(bench.metric("landfall_missed_signals_recovered_total").await, 0.0);
    worker.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn an_erasure_reaches_the_listeners_of_every_server() {
    let bench = bench().await;
    let (other, worker) = (bench.another().await, bench.worker().await);
    let recording = bench.landed(NewRecording::default()).await;
    let mut there = Bench::socket_at(other.url(), &token("t", "agent")).await;
    assert_eq!(there.subscribe(&recording.call_sid, "watch").await["state"], "ready");
    let path = format!("/api/recordings/{}", recording.call_sid);
    let erased = bench.request(Method::DELETE, &path, &token("t", "admin")).send().await.unwrap();
    assert_eq!(erased.status(), 204);
    assert_eq!(there.until("gone").await["code"], "erased");
    worker.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn an_erasure_takes_the_job_out_of_the_hands_of_a_worker_elsewhere() {
    let bench = bench().await;
    let worker = bench.worker().await;
    let recording = bench.registered("t", held()).await;
    bench.socket().await.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    let path = format!("/api/recordings/{}", recording.call_sid);
    bench.request(Method::DELETE, &path, &token("t", "admin")).send().await.unwrap();
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 0).await;
    bench.no_parts().await;
    worker.stop().await;
}

#[tokio::test]
async fn nonsense_in_the_channels_is_counted_and_harms_nobody() {
    let mut bench = bench().await;
    let worker = bench.worker().await;
    let before = bench.metric("landfall_signals_lost_total{reason=\"malformed\"}").await;
    bench.redis().say("PUBLISH landfall:signals:0 nonsense").unwrap();
    bench.redis().say("PUBLISH landfall:jobs:0 nonsense").unwrap();
    while bench.metric("landfall_signals_lost_total{reason=\"malformed\"}").await < before + 2.0 {}
    let recording = bench.registered("t", NewRecording::default()).await;
    ready(&mut bench.socket().await, &recording.call_sid).await;
    worker.stop().await;
}
