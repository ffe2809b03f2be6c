//! The volume is the truth: what lies there counts, whatever anybody has said.

use reqwest::Method;

use super::{Landed, ask};
use crate::support::{Bench, wav};

#[tokio::test]
async fn files_of_an_existing_deployment_are_served_once_their_call_is_registered() {
    let (bench, bytes) = (Bench::start().await, wav(20_000));
    let recording = bench.simulator.add(Default::default());
    bench.place(&format!("{}.mp3", recording.call_sid), &bytes);
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    assert_eq!(ask(&bench, Method::GET, &path, &[]).await.status, 404, "a file without a call is nobody's");
    bench.register(&recording, serde_json::json!({"tenant": "t"})).await;
    let state = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    assert_eq!((&state["state"], &state["size"]), (&"ready".into(), &20_000.into()));
    assert!(ask(&bench, Method::GET, &path, &[]).await.body == bytes);
    assert_eq!(bench.simulator.totals().media_requests, 0);
}

#[tokio::test]
async fn a_file_that_is_no_recording_has_not_landed() {
    let bench = Bench::start().await;
    let mut cut = wav(20_000);
    cut.truncate(10_000);
    for bytes in [&b""[..], b"<!doctype html><title>Sign in</title>", b"{\"status\":\"processing\"}", &cut] {
        let recording = bench.placed("mp3", bytes).await;
        let path = format!("/api/recordings/file/{}", recording.call_sid);
        assert_eq!(ask(&bench, Method::HEAD, &path, &[]).await.status, 202);
        assert_eq!(ask(&bench, Method::GET, &format!("{path}?wait=10"), &[]).await.status, 200);
        assert_eq!(bench.simulator.stats(&recording.recording_sid).media_completed, 1);
    }
}

#[tokio::test]
async fn a_file_that_was_removed_is_fetched_anew() {
    let bench = Bench::start().await;
    let recording = bench.landed(Default::default()).await;
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    let first = ask(&bench, Method::GET, &path, &[]).await;
    let file = bench.volume().join(format!("{}.mp3", recording.call_sid));
    let prepare = format!("/api/recordings/{}/prepare", recording.call_sid);
    for (n, method, path) in [(2, Method::GET, &path), (3, Method::POST, &prepare)] {
        noted(&bench).await;
        std::fs::remove_file(&file).unwrap();
        let missing = ask(&bench, method, path, &[]).await;
        assert_eq!(missing.status, 202);
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_completed == n).await;
        let again =
            ask(&bench, Method::GET, &format!("/api/recordings/file/{}?wait=10", recording.call_sid), &[]).await;
        assert!(again.status == 200 && again.body == first.body);
        assert_eq!(again.field("etag"), first.field("etag"));
    }
}

/// Until the catalog has noted the landing: listeners are told before that.
async fn noted(bench: &Bench) {
    while bench.json("/api/recordings?state=ready").await["items"] == serde_json::json!([]) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_head_notices_that_a_file_was_removed_and_still_starts_nothing() {
    let landed = Landed::of(20_000).await;
    assert_eq!(landed.get(&[]).await.status, 200);
    std::fs::remove_file(landed.bench.volume().join(format!("{}.wav", landed.recording.call_sid))).unwrap();
    assert_eq!(landed.ask(Method::HEAD, &[]).await.status, 202);
    let state = landed.bench.json(&format!("/api/recordings/{}", landed.recording.call_sid)).await;
    assert_eq!(state["state"], "unknown");
    assert_eq!(landed.bench.simulator.totals().media_requests, 0);
}

#[tokio::test]
async fn a_file_that_was_replaced_is_served_as_it_is_now() {
    let landed = Landed::of(20_000).await;
    let before = landed.get(&[]).await;
    let other = wav(30_000);
    landed.bench.place(&format!("{}.wav", landed.recording.call_sid), &other);
    let after = landed.get(&[]).await;
    assert!(after.status == 200 && after.body == other);
    assert_ne!(after.field("etag"), before.field("etag"));
    let stale = landed.get(&[("range", "bytes=10-19"), ("if-range", before.field("etag"))]).await;
    assert!(stale.status == 200 && stale.body == other, "parts of two files are never joined");
    let beyond = landed.range("bytes=25000-").await;
    assert_eq!((beyond.status, &beyond.body[..]), (206, &other[25_000..]));
}

#[tokio::test]
async fn who_is_reading_when_a_file_is_removed_reads_it_to_the_end() {
    let landed = Landed::of(16 * 1024 * 1024).await;
    let mut answer = landed.bench.get(&landed.path()).await;
    let mut body = answer.chunk().await.unwrap().unwrap().to_vec();
    std::fs::remove_file(landed.bench.volume().join(format!("{}.wav", landed.recording.call_sid))).unwrap();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert!(body == landed.bytes);
}
