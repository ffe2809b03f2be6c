//! A Redis that forgets, goes away or hangs: what has landed is served, and whoever waits is told in the end.

use std::time::Duration;

use loadtest::twilio::NewRecording;
use serde_json::Value;
use tokio::time::Instant;

use super::{bench, held};
use crate::support::{Bench, TOLD_WITHIN, toll};

/// What `/readyz` says is wrong; empty where nothing is.
pub(super) async fn unready(bench: &Bench) -> String {
    let answer = reqwest::get(format!("{}/readyz", bench.url)).await.unwrap();
    if answer.status() == 200 { String::new() } else { answer.text().await.unwrap() }
}

/// What holds while Redis gives no answer.
pub(super) async fn lives_without(bench: &Bench, landed: &str, fresh: &str) {
    let begun = Instant::now();
    while !unready(bench).await.contains("queue_unavailable") {
        assert!(begun.elapsed() < Duration::from_secs(5), "it is told");
    }
    let begun = Instant::now();
    let served = bench.get(&format!("/api/recordings/file/{landed}")).await;
    assert_eq!(served.status(), 200);
    let refused = bench.get(&format!("/api/recordings/file/{fresh}")).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "queue_unavailable");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn emptied_while_somebody_waits() {
    let mut bench = bench().await;
    let recording = bench.registered("t", held()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.simulator.release(&recording.recording_sid);
    bench.redis().say("FLUSHALL").unwrap();
    let worker = bench.worker().await;
    let begun = Instant::now();
    socket.until("ready").await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    toll(&bench, "Redis emptied while somebody waits", &[&recording], begun.elapsed()).await;
    worker.stop().await;
}

#[tokio::test]
async fn emptied_while_nobody_waits() {
    let mut bench = bench().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let url = format!("{}/webhooks/twilio/recording-status", bench.url);
    bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap();
    bench.stop().await;
    bench.redis().say("FLUSHALL").unwrap();
    let worker = bench.worker().await;
    bench.boot().await;
    // Nobody plays it: the server that leads finds it in the catalog.
    let file = bench.volume().join(format!("{}.mp3", recording.call_sid));
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < TOLD_WITHIN);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn emptied_in_the_middle_of_a_download() {
    let mut bench = bench().await;
    let worker = bench.worker().await;
    let recording = bench.registered("t", held()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    bench.redis().say("FLUSHALL").unwrap();
    // Long enough for a heartbeat, and for the sweep.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let released = Instant::now();
    bench.simulator.release(&recording.recording_sid);
    socket.until("ready").await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1, "nobody else began it");
    toll(&bench, "Redis emptied in the middle of a download", &[&recording], released.elapsed()).await;
    worker.stop().await;
}

#[tokio::test]
async fn killed_and_started_again_empty() {
    let mut bench = bench().await;
    let worker = bench.worker().await;
    let landed = bench.landed(Default::default()).await;
    let (waited_for, fresh) = (bench.registered("t", held()).await, bench.registered("t", Default::default()).await);
    let mut socket = bench.socket().await;
    socket.subscribe(&waited_for.call_sid, "play").await;
    bench.simulator.until(&waited_for.recording_sid, |stats| stats.media_in_flight == 1).await;
    bench.redis().kill().unwrap();
    lives_without(&bench, &landed.call_sid, &fresh.call_sid).await;
    bench.simulator.release(&waited_for.recording_sid);
    // Landed without Redis, and noticed without a signal.
    socket.until("ready").await;
    bench.redis().restart().unwrap();
    let begun = Instant::now();
    let file = format!("/api/recordings/file/{}?wait=30", fresh.call_sid);
    while bench.get(&file).await.status() != 200 {
        assert!(begun.elapsed() < TOLD_WITHIN);
    }
    let told = begun.elapsed();
    assert_eq!(unready(&bench).await, "");
    toll(&bench, "Redis killed and started again empty", &[&waited_for, &fresh, &landed], told).await;
    worker.stop().await;
}

#[tokio::test]
async fn gone_while_a_job_was_in_line() {
    let mut bench = bench().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    bench.redis().kill().unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let worker = bench.worker().await;
    bench.redis().restart().unwrap();
    let begun = Instant::now();
    socket.until("ready").await;
    toll(&bench, "Redis gone while a job was in line", &[&recording], begun.elapsed()).await;
    worker.stop().await;
}

#[tokio::test]
async fn hanging_for_longer_than_a_lease() {
    let mut bench = bench().await;
    let worker = bench.worker().await;
    let landed = bench.landed(Default::default()).await;
    let (waited_for, fresh) = (bench.registered("t", held()).await, bench.registered("t", Default::default()).await);
    let mut socket = bench.socket().await;
    socket.subscribe(&waited_for.call_sid, "play").await;
    bench.simulator.until(&waited_for.recording_sid, |stats| stats.media_in_flight == 1).await;
    bench.redis().pause().unwrap();
    lives_without(&bench, &landed.call_sid, &fresh.call_sid).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    bench.redis().resume().unwrap();
    let begun = Instant::now();
    bench.simulator.release(&waited_for.recording_sid);
    socket.until("ready").await;
    let told = begun.elapsed();
    while !unready(&bench).await.is_empty() {
        assert!(begun.elapsed() < TOLD_WITHIN);
    }
    assert_eq!(bench.get(&format!("/api/recordings/file/{}?wait=30", fresh.call_sid)).await.status(), 200);
    toll(&bench, "Redis hangs for 11 s (SIGSTOP)", &[&waited_for, &fresh, &landed], told).await;
    worker.stop().await;
}
