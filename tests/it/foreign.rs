//! Workers of others: what they write in place, and what old volumes are full of.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use loadtest::twilio::{Format, NewRecording};
use reqwest::Method;

use crate::support::{Bench, token, wav};

/// A file that some process writes in place, and has not closed yet.
fn begun(bench: &Bench, name: &str, bytes: &[u8]) -> std::fs::File {
    let mut file = std::fs::File::create(bench.volume().join(name)).unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[tokio::test]
async fn a_file_that_is_written_in_place_is_neither_announced_nor_served_before_it_is_closed() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    // An MP3's header tells no length: half of one looks like one.
    let bytes = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    let mut socket = bench.socket().await;
    assert_eq!(socket.subscribe(&recording.call_sid, "watch").await["state"], "unknown");
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let mut file = begun(&bench, &format!("{}.mp3", recording.call_sid), first);
    // A worker that signals too early is not believed either.
    bench.signal(&recording.call_sid).await;
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    let head = bench.request(Method::HEAD, &path, &token("t", "agent")).send().await.unwrap();
    assert_eq!(head.status(), 202);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(socket.pushed().await, [serde_json::Value::Null; 0]);
    file.write_all(rest).unwrap();
    drop(file);
    let ready = socket.until("ready").await;
    assert_eq!((&ready["sid"], &ready["size"]), (&recording.call_sid.as_str().into(), &bytes.len().into()));
    assert_eq!(bench.get(&path).await.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn an_old_volume_is_served_as_it_is() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let sid = &recording.call_sid;
    let bytes = wav(20_000);
    // WAV under the other name, and what a worker that died has left beside it.
    let path = bench.volume().join(format!("{sid}.mp3"));
    std::fs::write(&path, &bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    for leftover in [format!("{sid}.mp3.lock"), format!("{sid}.lock"), format!("{sid}.mp3.tmp"), "lost+found".into()] {
        std::fs::write(bench.volume().join(leftover), b"1234").unwrap();
    }
    let answer = bench.get(&format!("/api/recordings/file/{sid}")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"audio/wav".parse().unwrap()));
    assert_eq!(answer.bytes().await.unwrap(), bytes);
    assert_eq!(bench.json(&format!("/api/recordings/{sid}")).await["state"], "ready");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0, "nothing is fetched again");
}
