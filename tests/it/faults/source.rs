//! Faults of the provider. Each ends in the exact bytes, or in failure with the right code; nothing partial is ever seen
//! under a final name.

use std::path::Path;
use std::time::Duration;

use loadtest::twilio::{Faults, Format, NewRecording, Recording, Redirect};
use notify::{RecursiveMode, Watcher};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bench, Knobs, token};

/// Watches a volume for names that a listener could see, and holds each file against what it must be.
struct Guard {
    seen: std::sync::mpsc::Receiver<notify::Result<notify::Event>>,
    _watcher: notify::RecommendedWatcher,
}

impl Guard {
    fn over(volume: &Path) -> Self {
        let (tell, seen) = std::sync::mpsc::sync_channel(10_000);
        let mut watcher = notify::recommended_watcher(move |event| tell.send(event).unwrap_or_default()).unwrap();
        watcher.watch(volume, RecursiveMode::NonRecursive).unwrap();
        Self { seen, _watcher: watcher }
    }

    /// Each final name appeared by one rename, and was never written to.
    fn saw_only_renames(&self) {
        use notify::EventKind::{Create, Modify};
        use notify::event::ModifyKind::Data;
        while let Ok(event) = self.seen.recv_timeout(Duration::from_millis(50)) {
            let event = event.unwrap();
            let written = matches!(event.kind, Create(_) | Modify(Data(_)));
            assert!(!written, "{event:?}");
        }
    }
}

/// Plays it and waits for its end.
async fn played(bench: &Bench, recording: &Recording) -> Value {
    let mut socket = bench.socket().await;
    let mut state = socket.subscribe(&recording.call_sid, "play").await;
    while !["ready", "failed", "gone"].contains(&state["state"].as_str().unwrap_or_default()) {
        state = socket.next().await;
    }
    state
}

async fn with_faults(bench: &Bench, faults: Faults) -> Recording {
    bench.registered("t", NewRecording { seconds: 60.0, faults: Some(faults), ..Default::default() }).await
}

fn names(bench: &Bench) -> Vec<String> {
    let entries = std::fs::read_dir(bench.volume()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name != ".landfall").collect()
}

/// It lands whole, after so many requests for the media.
async fn lands(faults: Faults, requests: u64) -> Duration {
    let bench = Bench::start().await;
    let guard = Guard::over(&bench.volume());
    let recording = with_faults(&bench, faults).await;
    let begun = Instant::now();
    let state = played(&bench, &recording).await;
    let took = begun.elapsed();
    assert_eq!(state["state"], "ready", "{state}");
    let file = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await.bytes().await.unwrap();
    assert!(file == bench.bytes_of(&recording), "{} bytes", file.len());
    assert_eq!(names(&bench), [format!("{}.mp3", recording.call_sid)]);
    bench.no_parts().await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, requests);
    guard.saw_only_renames();
    took
}

/// It never lands: after giving up, everybody is told why.
async fn fails(faults: Faults, code: &str) -> Recording {
    fails_after(faults, code, Duration::from_secs(3)).await
}

async fn fails_after(faults: Faults, code: &str, give_up_after: Duration) -> Recording {
    let bench = Bench::with(Knobs { give_up_after, ..Default::default() }).await;
    let recording = with_faults(&bench, faults).await;
    let begun = Instant::now();
    let state = played(&bench, &recording).await;
    assert!(begun.elapsed() < give_up_after + Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!((&state["state"], &state["code"]), (&json!("failed"), &json!(code)));
    assert_eq!(state["temporary"], code != "source_unauthorized");
    let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], code);
    assert_eq!(names(&bench), Vec::<String>::new());
    assert_eq!(bench.simulator.stats(&recording.recording_sid).foreign_authorization, 0);
    // The poll has begun another try; what it leaves behind must be nothing, too.
    bench.simulator.set_faults(&recording.recording_sid, Faults { unauthorized: true, ..Default::default() });
    played(&bench, &recording).await;
    bench.no_parts().await;
    recording
}

#[tokio::test]
async fn media_that_has_not_propagated_yet_is_asked_for_again() {
    lands(Faults { not_found: 2, ..Default::default() }, 3).await;
}

#[tokio::test]
async fn a_busy_provider_is_given_the_time_it_asks_for() {
    let took = lands(Faults { too_many: 1, retry_after_s: Some(2), ..Default::default() }, 2).await;
    assert!(took >= Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_busy_provider_that_asks_for_nothing_is_tried_again_all_the_same() {
    lands(Faults { too_many: 2, ..Default::default() }, 3).await;
}

#[tokio::test]
async fn an_error_of_the_providers_server_is_tried_again() {
    lands(Faults { server_error: 2, ..Default::default() }, 3).await;
}

#[tokio::test]
async fn a_body_that_is_cut_is_fetched_anew() {
    lands(Faults { cut_after: Some(100_000), cuts: 2, ..Default::default() }, 3).await;
}

#[tokio::test]
async fn a_body_without_a_length_that_is_cut_is_fetched_anew() {
    lands(Faults { cut_after: Some(100_000), cuts: 1, no_content_length: true, ..Default::default() }, 2).await;
}

#[tokio::test]
async fn a_body_without_a_length_lands() {
    lands(Faults { no_content_length: true, ..Default::default() }, 1).await;
}

#[tokio::test]
async fn a_list_that_fails_is_asked_for_again() {
    lands(Faults { list_server_error: 2, ..Default::default() }, 1).await;
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    lands(Faults { redirect: Redirect::SameOrigin, ..Default::default() }, 2).await;
}

#[tokio::test]
async fn a_redirect_to_another_origin_on_the_list_is_followed_without_our_credentials() {
    let bench = Bench::with(Knobs { foreign_redirects: true, ..Default::default() }).await;
    let recording = with_faults(&bench, Faults { redirect: Redirect::Foreign, ..Default::default() }).await;
    assert_eq!(played(&bench, &recording).await["state"], "ready");
    let stats = bench.simulator.stats(&recording.recording_sid);
    assert_eq!((stats.foreign_requests, stats.foreign_authorization), (1, 0));
    let file = std::fs::read(bench.volume().join(format!("{}.mp3", recording.call_sid))).unwrap();
    assert!(file == bench.bytes_of(&recording));
}

/// However long a download may be tried: an operator must allow it first.
#[tokio::test]
async fn a_redirect_to_an_origin_that_is_not_on_the_list_is_refused_at_once() {
    let begun = Instant::now();
    let bench = Bench::with(Knobs { give_up_after: Duration::from_secs(600), ..Default::default() }).await;
    let recording = with_faults(&bench, Faults { redirect: Redirect::Foreign, ..Default::default() }).await;
    let state = played(&bench, &recording).await;
    assert_eq!((&state["state"], &state["code"]), (&json!("failed"), &json!("source_failed")));
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(bench.simulator.stats(&recording.recording_sid).foreign_requests, 0);
    assert!(bench.metric("landfall_source_requests_total{status=\"refused\"}").await >= 1.0);
    assert!(names(&bench).is_empty());
}

#[tokio::test]
async fn a_file_of_another_format_lands_as_what_it_is() {
    let bench = Bench::start().await;
    let recording = with_faults(&bench, Faults { other_format: true, ..Default::default() }).await;
    let state = played(&bench, &recording).await;
    assert_eq!((&state["state"], &state["content_type"]), (&json!("ready"), &json!("audio/wav")));
    assert_eq!(names(&bench), [format!("{}.wav", recording.call_sid)]);
    let file = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert_eq!(file.headers()["content-type"], "audio/wav");
    assert!(file.bytes().await.unwrap() == bench.simulator.media_bytes(&recording.recording_sid, Format::Wav, 2));
}

#[tokio::test]
async fn a_recording_of_one_channel_lands_with_one() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { channels: 1, ..Default::default() }).await;
    let state = played(&bench, &recording).await;
    assert_eq!((&state["state"], &state["channels"]), (&json!("ready"), &json!(1)));
}

#[tokio::test]
async fn a_provider_that_stays_broken_fails_it() {
    fails(Faults { server_error: 1000, ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn a_provider_that_stays_busy_fails_it() {
    fails(Faults { too_many: 1000, retry_after_s: Some(1), ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn a_body_that_is_always_cut_fails_it() {
    fails(Faults { cut_after: Some(5_000), ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn a_length_that_promises_too_much_fails_it() {
    fails(Faults { wrong_length: Some(1_000), ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn a_length_that_cuts_the_file_fails_it() {
    // An MP3 does not say how long it is; a WAV does.
    let cut = Faults { wrong_length: Some(-1_000), other_format: true, ..Default::default() };
    fails(cut, "source_failed").await;
}

#[tokio::test]
async fn a_page_instead_of_a_recording_fails_it() {
    fails(Faults { html: true, ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn an_empty_body_fails_it() {
    fails(Faults { empty: true, ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn bytes_that_are_no_audio_fail_it() {
    fails(Faults { garbage: true, ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn redirects_without_end_or_to_nowhere_fail_it() {
    fails(Faults { redirect: Redirect::Loop, ..Default::default() }, "source_failed").await;
    fails(Faults { redirect: Redirect::Nowhere, ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn refused_credentials_fail_it_at_once() {
    let begun = Instant::now();
    fails_after(Faults { unauthorized: true, ..Default::default() }, "source_unauthorized", Duration::from_secs(600))
        .await;
    fails_after(Faults { forbidden: true, ..Default::default() }, "source_unauthorized", Duration::from_secs(600))
        .await;
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_provider_that_never_answers_fails_it() {
    fails(Faults { hang: true, ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn a_body_that_never_ends_fails_it() {
    fails(Faults { hold_after: Some(50_000), ..Default::default() }, "source_failed").await;
}

#[tokio::test]
async fn media_that_stays_away_was_deleted_at_the_source() {
    let bench = Bench::with(Knobs { give_up_after: Duration::from_secs(3), ..Default::default() }).await;
    let recording = with_faults(&bench, Faults { not_found: 1000, ..Default::default() }).await;
    let state = played(&bench, &recording).await;
    assert_eq!((&state["state"], &state["code"]), (&json!("gone"), &json!("deleted_at_source")));
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await.status(), 410);
}

/// A call of which the provider has no recording (yet): hoped for, but not for ever.
#[tokio::test]
async fn a_call_without_a_recording_fails() {
    let bench = Bench::with(Knobs { give_up_after: Duration::from_secs(2), ..Default::default() }).await;
    let mut recording = bench.simulator.add(NewRecording::default());
    recording.call_sid = format!("CA{:032x}", 5);
    assert_eq!(bench.register(&recording, json!({"tenant": "t"})).await.status(), 201);
    let state = played(&bench, &recording).await;
    assert_eq!((&state["state"], &state["temporary"]), (&json!("failed"), &json!(true)), "{state}");
}

#[tokio::test]
async fn a_hundred_plays_of_every_kind_at_once_are_one_fetch() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let sid = &recording.call_sid;
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..34 {
        let mut socket = bench.socket().await;
        socket.say(json!({"type": "subscribe", "id": 1, "sids": [sid], "intent": "play"})).await;
        sockets.push(socket);
    }
    for _ in 0..20 {
        streams.push(bench.get(&format!("/api/recordings/events?sid={sid}&intent=play")).await);
    }
    let held = futures_util::future::join_all((0..46).map(|n| {
        let path = match n % 3 {
            0 => format!("/api/recordings/file/{sid}?wait=30"),
            1 => format!("/api/calls/{sid}/download"),
            _ => format!("/api/recordings/file/{}?wait=30", recording.recording_sid),
        };
        bench.request(reqwest::Method::GET, &path, &token("t", "agent")).send()
    }));
    let waiting = async {
        let all = "landfall_waiters";
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
        // By their own name it is not known before the source has told it; those are answered 404.
        while bench.metric(all).await < 34.0 + 20.0 + 31.0 {}
        bench.simulator.release(&recording.recording_sid);
    };
    let (answers, ()) = tokio::join!(held, waiting);
    let expected = bench.bytes_of(&recording);
    for answer in answers {
        let answer = answer.unwrap();
        if answer.status() != 404 {
            assert_eq!(answer.status(), 200);
            assert!(answer.bytes().await.unwrap() == expected);
        }
    }
    for mut socket in sockets {
        socket.until("ready").await;
    }
    for mut stream in streams {
        let mut text = String::new();
        while !text.contains("event: ready") {
            text.push_str(&String::from_utf8_lossy(&stream.chunk().await.unwrap().expect("ready comes")));
        }
    }
    let stats = bench.simulator.stats(&recording.recording_sid);
    assert_eq!((stats.media_requests, bench.simulator.list_requests(sid)), (1, 1));
}
