//! From play to sound: one job, one fetch, one landing, and everybody told.

use loadtest::twilio::{Format, NewRecording};

use crate::support::Bench;

fn held() -> NewRecording {
    NewRecording { held: true, seconds: 30.0, ..Default::default() }
}

#[tokio::test]
async fn a_play_lands_the_recording_and_the_socket_hears_of_it() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", held()).await;
    let mut socket = bench.socket().await;
    let before = socket.subscribe(&recording.call_sid, "watch").await;
    assert_eq!(before["state"], "unknown");
    let playing = socket.subscribe(&recording.call_sid, "play").await;
    assert!(["queued", "downloading"].contains(&playing["state"].as_str().unwrap()), "{playing}");
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
    bench.simulator.release(&recording.recording_sid);
    let ready = socket.until("ready").await;
    let expected = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    assert_eq!(ready["size"], expected.len());
    let duration_ms = ready["duration_ms"].as_u64().unwrap();
    assert!((29_900..30_200).contains(&duration_ms), "{duration_ms}");
    let url = ready["url"].as_str().unwrap().strip_prefix(&bench.url).unwrap().to_owned();
    let answer = bench.get(&url).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["etag"], ready["etag"].as_str().unwrap());
    assert_eq!(answer.bytes().await.unwrap(), expected);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}
