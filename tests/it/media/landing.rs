//! What is said until a recording has landed, and when it never will.

use std::time::{Duration, Instant};

use loadtest::twilio::{Faults, Format, NewRecording, Status};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, ask};
use crate::support::{Bench, Knobs, token, wav};

fn held() -> NewRecording {
    NewRecording { held: true, ..Default::default() }
}

fn file(sid: &str) -> String {
    format!("/api/recordings/file/{sid}")
}

async fn get(bench: &Bench, path: &str) -> Answer {
    ask(bench, Method::GET, path, &[]).await
}

async fn state(bench: &Bench, sid: &str) -> Value {
    bench.json(&format!("/api/recordings/{sid}")).await
}

#[tokio::test]
async fn a_get_starts_one_download_and_says_that_it_is_on_its_way() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", held()).await;
    for sid in [&recording.call_sid, &recording.call_sid, &recording.call_sid] {
        let answer = get(&bench, &file(sid)).await;
        assert_eq!(answer.status, 202);
        assert!(answer.field("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
        assert_eq!(answer.field("content-type"), "application/json");
        let body = answer.json();
        assert_eq!(body["status"], "processing");
        assert_eq!(body["sid"], **sid);
        assert!(["queued", "downloading"].contains(&body["state"].as_str().unwrap()), "{body}");
        assert!(!body["message"].as_str().unwrap().is_empty());
        assert_eq!(body["message_he"], "ההקלטה עדיין בתהליך הכנה.");
    }
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
    bench.simulator.release(&recording.recording_sid);
    let landed = get(&bench, &format!("{}?wait=10", file(&recording.call_sid))).await;
    assert_eq!(landed.status, 200);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn a_held_answer_comes_when_the_recording_lands_and_keeps_its_range() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", held()).await;
    let path = file(&recording.call_sid);
    let (query, alone) = (format!("{path}?wait=20"), format!("/api/calls/{}/download", recording.call_sid));
    let fields = [("range", "bytes=100-199")];
    let prefer = [("prefer", "respond-async, wait=20"), ("range", "bytes=100-199")];
    let expected = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    let (a, b, c, ()) = tokio::join!(
        ask(&bench, Method::GET, &query, &fields),
        ask(&bench, Method::GET, &path, &prefer),
        get(&bench, &alone),
        async {
            bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
            bench.simulator.release(&recording.recording_sid);
        }
    );
    for part in [a, b] {
        assert_eq!((part.status, &part.body[..]), (206, &expected[100..200]));
    }
    assert!(c.status == 200 && c.body == expected, "a download is held without being asked");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn a_wait_ends_when_its_time_is_over() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", held()).await;
    let begun = Instant::now();
    let answer = get(&bench, &format!("{}?wait=1", file(&recording.call_sid))).await;
    assert_eq!((answer.status, &answer.json()["state"]), (202, &"downloading".into()));
    assert!((900..3000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    let at_once = get(&bench, &format!("/api/calls/{}/download?wait=0", recording.call_sid)).await;
    assert_eq!(at_once.status, 202);
    for bad in ["soon", "-1", "1.5", ""] {
        let answer = get(&bench, &format!("{}?wait={bad}", file(&recording.call_sid))).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &"bad_wait".into()), "{bad}");
    }
}

#[tokio::test]
async fn prepare_says_202_until_it_can_say_ready() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", held()).await;
    let path = format!("/api/recordings/{}/prepare", recording.call_sid);
    let first = ask(&bench, Method::POST, &path, &[]).await;
    assert_eq!((first.status, &first.json()["status"]), (202, &"processing".into()));
    assert_ne!(first.field("retry-after"), "");
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
    bench.simulator.release(&recording.recording_sid);
    let file = get(&bench, &format!("{}?wait=10", file(&recording.call_sid))).await;
    let second = ask(&bench, Method::POST, &path, &[]).await;
    assert_eq!(second.status, 200);
    let body = second.json();
    assert_eq!((&body["status"], &body["state"]), (&"ready".into(), &"ready".into()));
    assert_eq!(body["etag"], file.field("etag"));
}

#[tokio::test]
async fn refused_credentials_are_told_to_who_waits_and_to_who_asks_later() {
    let bench = Bench::start().await;
    let faults = Faults { unauthorized: true, ..Default::default() };
    let recording = bench.simulator.add(NewRecording { faults: Some(faults), ..Default::default() });
    bench.register(&recording, json!({"tenant": "t", "recording_sid": recording.recording_sid})).await;
    let path = file(&recording.call_sid);
    let held = get(&bench, &format!("{path}?wait=10")).await;
    assert_eq!((held.status, &held.json()["code"]), (502, &"source_unauthorized".into()));
    let state = state(&bench, &recording.call_sid).await;
    assert_eq!((&state["state"], &state["code"]), (&"failed".into(), &"source_unauthorized".into()));
    assert_eq!(state["temporary"], false);
    let head = ask(&bench, Method::HEAD, &path, &[]).await;
    assert_eq!(head.status, 502, "a HEAD learns of it too");
    let requests = bench.simulator.stats(&recording.recording_sid).media_requests;
    let later = get(&bench, &path).await;
    assert_eq!((later.status, &later.json()["code"]), (502, &"source_unauthorized".into()));
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests > requests).await;
    bench.simulator.clear_faults(&recording.recording_sid);
    let landed = async || get(&bench, &format!("{path}?wait=10")).await.status == 200;
    assert!(landed().await || landed().await, "each play is a new chance; the one before may still have failed");
}

#[tokio::test]
async fn a_provider_that_sends_no_audio_has_failed_after_the_last_try() {
    let give_up_after = Duration::from_millis(200);
    let bench = Bench::with(Knobs { give_up_after, ..Default::default() }).await;
    let cases = [
        Faults { html: true, ..Default::default() },
        Faults { empty: true, ..Default::default() },
        Faults { garbage: true, ..Default::default() },
        Faults { server_error: 99, ..Default::default() },
        Faults { too_many: 99, ..Default::default() },
        Faults { cut_after: Some(1000), ..Default::default() },
        Faults { wrong_length: Some(5), ..Default::default() },
    ];
    for faults in cases {
        let why = format!("{faults:?}");
        let recording = bench.registered("t", NewRecording { faults: Some(faults), ..Default::default() }).await;
        let answer = get(&bench, &format!("{}?wait=20", file(&recording.call_sid))).await;
        assert_eq!((answer.status, &answer.json()["code"]), (502, &"source_failed".into()), "{why}");
        assert!(answer.json()["retry_after_ms"].is_u64(), "trying again may help");
        assert_eq!(state(&bench, &recording.call_sid).await["temporary"], true);
        let left: Vec<_> = std::fs::read_dir(bench.volume().join(".landfall/parts")).unwrap().collect();
        assert!(left.is_empty(), "{why}: {left:?}");
    }
}

#[tokio::test]
async fn what_the_provider_deleted_is_gone() {
    let bench = Bench::start().await;
    let deleted = NewRecording { status: Status::Deleted, ..Default::default() };
    let recording = bench.simulator.add(deleted.clone());
    let named = json!({"tenant": "t", "recording_sid": recording.recording_sid});
    assert_eq!(bench.register(&recording, named).await.status(), 201);
    is_gone(&bench, &recording.call_sid, "deleted_at_source").await;
    // The same for a call whose recordings have to be looked up first.
    let recording = bench.registered("t", deleted).await;
    is_gone(&bench, &recording.call_sid, "deleted_at_source").await;
}

#[tokio::test]
async fn a_call_that_was_not_recorded_is_gone() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    is_gone(&bench, &recording.call_sid, "absent").await;
}

async fn is_gone(bench: &Bench, sid: &str, code: &str) {
    let held = get(bench, &format!("{}?wait=10", file(sid))).await;
    assert_eq!((held.status, &held.json()["code"]), (410, &code.into()));
    let download = format!("/api/calls/{sid}/download");
    let prepare = format!("/api/recordings/{sid}/prepare");
    for (method, path) in
        [(Method::GET, file(sid)), (Method::HEAD, file(sid)), (Method::GET, download), (Method::POST, prepare)]
    {
        let answer = ask(bench, method.clone(), &path, &[]).await;
        assert_eq!(answer.status, 410, "{method} {path}");
        assert_eq!(answer.field("retry-after"), "", "waiting does not help");
    }
    let state = state(bench, sid).await;
    assert_eq!((&state["state"], &state["code"], &state["temporary"]), (&"gone".into(), &code.into(), &false.into()));
}

#[tokio::test]
async fn unknown_and_malformed_names_are_told_apart() {
    let bench = Bench::start().await;
    let unknown = format!("CA{}", "f".repeat(32));
    let routes = |sid: &str| {
        [
            (Method::GET, format!("/api/recordings/file/{sid}")),
            (Method::HEAD, format!("/api/recordings/file/{sid}")),
            (Method::GET, format!("/api/calls/{sid}/download")),
            (Method::GET, format!("/api/calls/download/{sid}")),
            (Method::GET, format!("/api/recordings/{sid}")),
            (Method::POST, format!("/api/recordings/{sid}/prepare")),
        ]
    };
    for (method, path) in routes(&unknown) {
        let answer = ask(&bench, method.clone(), &path, &[]).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    let short = format!("CA{}", "f".repeat(31));
    for sid in [
        "x",
        "CA",
        &short,
        &format!("{unknown}0"),
        &format!("AC{}", "f".repeat(32)),
        "..%2F..%2Fetc%2Fpasswd",
        "%00",
        "%FF",
        &format!("CA{}g", "f".repeat(31)),
    ] {
        for (method, path) in routes(sid) {
            let answer = ask(&bench, method.clone(), &path, &[]).await;
            assert_eq!(answer.status, 400, "{method} {path}");
            if method != Method::HEAD {
                assert_eq!(answer.field("content-type"), "application/problem+json", "{method} {path}");
                assert_eq!(answer.json()["code"], "bad_sid", "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn for_the_old_player_a_head_may_start_the_download() {
    let bench = Bench::with(Knobs { head_prepares: true, ..Default::default() }).await;
    let recording = bench.registered("t", held()).await;
    let path = file(&recording.call_sid);
    let first = ask(&bench, Method::HEAD, &path, &[]).await;
    assert_eq!((first.status, first.body.len()), (202, 0));
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
    bench.simulator.release(&recording.recording_sid);
    let landed = ask(&bench, Method::HEAD, &format!("{path}?wait=10"), &[]).await;
    assert_eq!((landed.status, landed.body.len()), (200, 0));
}

#[tokio::test]
async fn a_head_starts_nothing_and_is_held_for_what_others_have_started() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", held()).await;
    let (path, download) = (file(&recording.call_sid), format!("/api/calls/{}/download", recording.call_sid));
    let waits = format!("{path}?wait=20");
    for idle in [&path, &waits, &download] {
        assert_eq!(ask(&bench, Method::HEAD, idle, &[]).await.status, 202, "nothing is under way");
    }
    assert_eq!(state(&bench, &recording.call_sid).await["state"], "unknown");
    assert_eq!(get(&bench, &path).await.status, 202);
    let (a, b, ()) =
        tokio::join!(ask(&bench, Method::HEAD, &waits, &[]), ask(&bench, Method::HEAD, &download, &[]), async {
            bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
            assert_eq!(ask(&bench, Method::HEAD, &path, &[]).await.status, 202, "who does not wait is told at once");
            bench.simulator.release(&recording.recording_sid);
        });
    for head in [a, b] {
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_ne!(head.field("content-length"), "0");
    }
}

#[tokio::test]
async fn who_asks_for_too_many_downloads_is_told_to_wait() {
    let mut knobs = Knobs::default();
    knobs.limits.prepares_per_minute = 3;
    let bench = Bench::with(knobs).await;
    let mut recordings = Vec::new();
    for _ in 0..4 {
        recordings.push(bench.registered("t", held()).await);
    }
    let [a, b, c, d] = &recordings[..] else { unreachable!() };
    assert_eq!(get(&bench, &file(&a.call_sid)).await.status, 202);
    assert_eq!(get(&bench, &format!("{}?wait=1", file(&b.call_sid))).await.status, 202);
    assert_eq!(ask(&bench, Method::POST, &format!("/api/recordings/{}/prepare", c.call_sid), &[]).await.status, 202);
    for path in
        [file(&d.call_sid), format!("{}?wait=1", file(&d.call_sid)), format!("/api/calls/{}/download", d.call_sid)]
    {
        let answer = get(&bench, &path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (429, &"too_many_requests".into()), "{path}");
        assert!(answer.json()["retry_after_ms"].is_u64());
        assert_ne!(answer.field("retry-after"), "");
    }
    assert_eq!(get(&bench, &file(&a.call_sid)).await.status, 202, "who asks again asks for nothing new");
    assert_eq!(state(&bench, &d.call_sid).await["state"], "unknown");
}

#[tokio::test]
async fn more_held_requests_than_there_are_places_are_turned_away() {
    let mut knobs = Knobs::default();
    knobs.limits.waiting_requests = 1;
    let bench = Bench::with(knobs).await;
    let recording = bench.registered("t", held()).await;
    let path = format!("{}?wait=20", file(&recording.call_sid));
    let (first, ()) = tokio::join!(get(&bench, &path), async {
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
        let second = get(&bench, &path).await;
        assert_eq!((second.status, &second.json()["code"]), (503, &"overloaded".into()));
        assert_ne!(second.field("retry-after"), "");
        assert_eq!(get(&bench, &file(&recording.call_sid)).await.status, 202, "who does not wait needs no place");
        bench.simulator.release(&recording.recording_sid);
    });
    assert_eq!(first.status, 200);
}

#[tokio::test]
async fn a_server_that_stops_keeps_nobody_and_cuts_nobody() {
    let mut bench = Bench::start().await;
    let held = bench.registered("t", held()).await;
    let long = wav(16 * 1024 * 1024);
    let landed = bench.placed("wav", &long).await;
    let mut body = bench.get(&file(&landed.call_sid)).await;
    let mut came = body.chunk().await.unwrap().unwrap().to_vec();
    let path = format!("{}?wait=60", file(&held.call_sid));
    let wait = tokio::spawn(bench.request(Method::GET, &path, &token("t", "agent")).send());
    bench.simulator.until(&held.recording_sid, |stats| stats.media_requests == 1).await;
    let rest = async {
        let answer = wait.await.unwrap().unwrap();
        assert_eq!(answer.status(), 202, "who waits may ask another server");
        while let Some(chunk) = body.chunk().await.unwrap() {
            came.extend_from_slice(&chunk);
        }
    };
    tokio::join!(bench.stop(), rest);
    assert!(came == long, "what was begun is sent to its end");
}
