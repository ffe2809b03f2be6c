//! The provider's word that a recording is there.

mod oracles;
mod outcomes;
mod recovery;

use loadtest::twilio::signature::{sign_form, sign_json};
use loadtest::twilio::{Callback, NewRecording, Recording, Status};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Bench, Knobs};

const ROUTES: [&str; 2] = ["/webhooks/twilio/recording-status", "/webhook/recording_status"];

async fn announce(bench: &Bench, recording: &Recording, event: &str) -> u16 {
    let url = format!("{}{}", bench.url, ROUTES[0]);
    bench.simulator.callback(&url, &recording.recording_sid, event).await.expect("an answer").status
}

/// A form with any fields, signed as the account signs.
async fn post(bench: &Bench, fields: &[(&str, &str)]) -> Response {
    let url = format!("{}{}", bench.url, ROUTES[0]);
    let signature = sign_form(&bench.simulator.account().auth_token, &url, fields);
    bench.client.post(&url).header("X-Twilio-Signature", signature).form(fields).send().await.expect("an answer")
}

/// Waits for the file, and asks nobody to fetch it.
async fn landed(bench: &Bench, sid: &str) -> Vec<u8> {
    let mut socket = bench.socket().await;
    if socket.subscribe(sid, "watch").await["state"] != "ready" {
        socket.until_state(sid, "ready").await;
    }
    std::fs::read(bench.volume().join(format!("{sid}.mp3"))).expect("the file")
}

#[tokio::test]
async fn a_completed_recording_of_a_known_call_lands_with_nobody_asking() {
    let bench = Bench::start().await;
    for route in ROUTES {
        let recording = bench.registered("t", Default::default()).await;
        let url = format!("{}{route}", bench.url);
        assert_eq!(bench.simulator.callback(&url, &recording.recording_sid, "completed").await.unwrap().status, 204);
        assert_eq!(landed(&bench, &recording.call_sid).await, bench.bytes_of(&recording));
        let state = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
        assert_eq!(state["recording_sid"], recording.recording_sid, "the callback has told its name");
        assert_eq!(bench.simulator.list_requests(&recording.call_sid), 0, "so nobody need ask for it");
    }
}

#[tokio::test]
async fn a_watcher_is_told_of_what_nobody_played() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "watch").await;
    announce(&bench, &recording, "completed").await;
    assert_eq!(socket.until("ready").await["recording_sid"], recording.recording_sid);
}

#[tokio::test]
async fn that_of_an_unknown_call_is_kept_until_the_call_is_registered() {
    let mut bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording::default());
    assert_eq!(announce(&bench, &recording, "in-progress").await, 204);
    assert_eq!(announce(&bench, &recording, "completed").await, 204);
    assert_eq!(bench.get(&format!("/api/recordings/{}", recording.call_sid)).await.status(), 404, "it is nobody's");
    // Kept durably: a restart forgets nothing.
    bench.stop().await;
    bench.boot().await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
    assert_eq!(bench.register(&recording, json!({"tenant": "t"})).await.status(), 201);
    assert_eq!(landed(&bench, &recording.call_sid).await, bench.bytes_of(&recording));
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn an_account_with_a_tenant_makes_its_calls_known_at_once() {
    let bench = Bench::with(Knobs { account_tenant: Some("t"), ..Default::default() }).await;
    let recording = bench.simulator.add(NewRecording::default());
    assert_eq!(announce(&bench, &recording, "completed").await, 204);
    assert_eq!(landed(&bench, &recording.call_sid).await, bench.bytes_of(&recording));
    let other = bench.register(&recording, json!({"tenant": "other"})).await;
    assert_eq!(other.status(), 409);
    let list = bench.json("/api/recordings").await;
    assert_eq!(list["items"][0]["call_sid"], recording.call_sid);
}

#[tokio::test]
async fn a_bad_signature_or_an_unknown_account_is_refused_and_changes_nothing() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let url = format!("{}{}", bench.url, ROUTES[0]);
    let forged =
        Callback { auth_token: Some("another".into()), ..Callback::new(&url, &recording.recording_sid, "completed") };
    let elsewhere = Callback {
        signed_url: Some("https://elsewhere.example/webhook".into()),
        ..Callback::new(&url, &recording.recording_sid, "completed")
    };
    let forged_json = Callback { json: true, ..forged.clone() };
    for callback in [forged, elsewhere, forged_json] {
        assert_eq!(bench.simulator.send(&callback).await.unwrap().status, 403, "{callback:?}");
    }
    let fields = [
        ("CallSid", &*recording.call_sid),
        ("RecordingSid", &recording.recording_sid),
        ("RecordingStatus", "completed"),
    ];
    let account = format!("AC{:032x}", 9);
    let stranger = [&fields[..], &[("AccountSid", &*account)]].concat();
    let refused = post(&bench, &stranger).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "unknown_account");
    assert_eq!(post(&bench, &fields).await.status(), 403, "no account at all");
    let known = [&fields[..], &[("AccountSid", &*recording.account_sid)]].concat();
    let unsigned = bench.client.post(&url).form(&known).send().await.unwrap();
    assert_eq!(unsigned.status(), 403);
    assert_eq!(unsigned.json::<Value>().await.unwrap()["code"], "bad_signature");
    let altered = sign_form(&bench.simulator.account().auth_token, &url, &known);
    let more = [&known[..], &[("RecordingDuration", "5")]].concat();
    let tampered = bench.client.post(&url).header("X-Twilio-Signature", altered).form(&more).send().await.unwrap();
    assert_eq!(tampered.status(), 403);
    assert_eq!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await["state"], "unknown");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
}

#[tokio::test]
async fn a_malformed_callback_is_a_bad_request() {
    let bench = Bench::start().await;
    let account = bench.simulator.account().sid.clone();
    let (call, name) = (format!("CA{:032x}", 1), format!("RE{:032x}", 1));
    for (call, name) in [("", &*name), (&*call, ""), (&*name, &*call), (&*call, "../../etc/passwd"), ("CA12", &name)] {
        let answer = post(&bench, &[("AccountSid", &*account), ("CallSid", call), ("RecordingSid", name)]).await;
        assert_eq!(answer.status(), 400, "{call} {name}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "bad_callback");
    }
    for body in ["", "[]", "{", "\"AccountSid\""] {
        let (url, signature) =
            sign_json(&bench.simulator.account().auth_token, &format!("{}{}", bench.url, ROUTES[0]), body.as_bytes());
        let request = bench.client.post(&url).header("X-Twilio-Signature", signature);
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_callback_that_is_too_large_is_refused() {
    let bench = Bench::start().await;
    let account = bench.simulator.account().sid.clone();
    let long = "x".repeat(100_000);
    let answer = post(&bench, &[("AccountSid", &account), ("More", &long)]).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "too_large");
}

#[tokio::test]
async fn a_callback_may_be_json_with_the_hash_of_its_body() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let url = format!("{}{}", bench.url, ROUTES[1]);
    let callback = Callback { json: true, ..Callback::new(&url, &recording.recording_sid, "completed") };
    assert_eq!(bench.simulator.send(&callback).await.unwrap().status, 204);
    assert_eq!(landed(&bench, &recording.call_sid).await, bench.bytes_of(&recording));
    let account = bench.simulator.account();
    let body =
        json!({"AccountSid": account.sid, "CallSid": recording.call_sid, "RecordingSid": recording.recording_sid});
    let (url, signature) = sign_json(&account.auth_token, &url, b"another body");
    let request = bench.client.post(&url).header("X-Twilio-Signature", signature);
    assert_eq!(request.json(&body).send().await.unwrap().status(), 403, "the hash is of another body");
}

#[tokio::test]
async fn duplicates_and_disorder_change_nothing() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    for event in ["completed", "in-progress", "completed", "completed", "in-progress"] {
        assert_eq!(announce(&bench, &recording, event).await, 204, "{event}");
    }
    bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
    assert_eq!(announce(&bench, &recording, "completed").await, 204);
    bench.simulator.release(&recording.recording_sid);
    landed(&bench, &recording.call_sid).await;
    let before = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
    for event in ["in-progress", "completed", "absent"] {
        assert_eq!(announce(&bench, &recording, event).await, 204, "{event}");
    }
    assert_eq!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await, before);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn in_progress_fetches_nothing_and_completed_after_it_does() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { status: Status::InProgress, ..Default::default() }).await;
    assert_eq!(announce(&bench, &recording, "in-progress").await, 204);
    assert_eq!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await["state"], "unknown");
    assert_eq!(bench.metric("landfall_jobs{state=\"ready\"}").await, 0.0);
    bench.simulator.set_status(&recording.recording_sid, Status::Completed);
    assert_eq!(announce(&bench, &recording, "completed").await, 204);
    assert_eq!(landed(&bench, &recording.call_sid).await, bench.bytes_of(&recording));
}

#[tokio::test]
async fn a_second_recording_of_a_call_has_a_name_of_its_own() {
    let bench = Bench::start().await;
    let first = bench.registered("t", Default::default()).await;
    assert_eq!(announce(&bench, &first, "completed").await, 204);
    let again = NewRecording { call_sid: Some(first.call_sid.clone()), ..Default::default() };
    let second = bench.simulator.add(again);
    assert_eq!(announce(&bench, &second, "completed").await, 204);
    assert_eq!(landed(&bench, &first.call_sid).await, bench.bytes_of(&first));
    assert_eq!(landed(&bench, &second.recording_sid).await, bench.bytes_of(&second));
    let state = bench.json(&format!("/api/recordings/{}", second.recording_sid)).await;
    assert_eq!((&state["call_sid"], &state["recording_sid"]), (&json!(first.call_sid), &json!(second.recording_sid)));
    assert_ne!(bench.bytes_of(&first), bench.bytes_of(&second));
    let by_own_name = bench.get(&format!("/api/recordings/file/{}", first.recording_sid)).await;
    assert_eq!(by_own_name.bytes().await.unwrap(), bench.bytes_of(&first));
    assert!(!bench.volume().join(format!("{}.mp3", first.recording_sid)).exists(), "stored once");
}

#[tokio::test]
async fn an_absent_recording_ends_the_wait_for_it() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    assert_eq!(announce(&bench, &recording, "absent").await, 204);
    let answer = bench.get(&format!("/api/recordings/file/{}?wait=20", recording.call_sid)).await;
    assert_eq!(answer.status(), 410);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "absent");
}

/// A writable RecordingUrl would be a request with our credentials to wherever a forger likes.
#[tokio::test]
async fn the_url_in_a_callback_is_never_followed() {
    let bench = Bench::start().await;
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let recording = bench.registered("t", Default::default()).await;
    let url = format!("http://{}/RecordingSid", trap.local_addr().unwrap());
    let fields = [
        ("AccountSid", &*recording.account_sid),
        ("CallSid", &recording.call_sid),
        ("RecordingSid", &recording.recording_sid),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", &url),
    ];
    assert_eq!(post(&bench, &fields).await.status(), 204);
    tokio::select! {
        bytes = landed(&bench, &recording.call_sid) => assert_eq!(bytes, bench.bytes_of(&recording)),
        _ = trap.accept() => panic!("the callback's URL was followed"),
    }
}
