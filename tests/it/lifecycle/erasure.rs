//! What is erased is gone everywhere and for good, at whatever moment.

use landfall::retention::RetentionOptions;
use loadtest::twilio::{Faults, Format, NewRecording, Recording, Status};
use reqwest::Method;
use serde_json::json;

use super::{announce, ask, deleted_at_source, emptied, erase, files, hold, is_gone};
use crate::support::{Bench, Knobs, token};

/// A further recording of a call.
fn further(bench: &Bench, of: &Recording) -> Recording {
    bench.simulator.add(NewRecording { call_sid: Some(of.call_sid.clone()), ..Default::default() })
}

#[tokio::test]
async fn what_is_erased_is_gone_by_every_name_and_its_listeners_are_told() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording::default()).await;
    announce(&bench, &recording).await;
    let mut socket = bench.socket().await;
    assert_eq!(socket.subscribe(&recording.call_sid, "watch").await["state"], "ready");
    assert_eq!(erase(&bench, &recording.call_sid).await, 204);
    let told = socket.until("gone").await;
    assert_eq!((&told["code"], &told["temporary"]), (&"erased".into(), &false.into()));
    assert_eq!(files(&bench), [""; 0]);
    is_gone(&bench, &recording.call_sid, "erased").await;
    is_gone(&bench, &recording.recording_sid, "erased").await;
    assert_eq!(erase(&bench, &recording.call_sid).await, 204, "again too");
    assert_eq!(erase(&bench, &recording.recording_sid).await, 204);
    assert_eq!(socket.pushed().await, [json!(null); 0], "and nobody is told again");
    assert_eq!(bench.simulator.status(&recording.recording_sid), Status::Completed, "the provider's copy stays");
}

#[tokio::test]
async fn only_admins_of_the_tenant_and_services_erase_and_hold() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording::default()).await;
    let path = format!("/api/recordings/{}", recording.call_sid);
    for (method, path) in [
        (Method::DELETE, path.clone()),
        (Method::PUT, format!("{path}/hold")),
        (Method::DELETE, format!("{path}/hold")),
    ] {
        let as_ = async |tenant: &str, role: &str| {
            bench.request(method.clone(), &path, &token(tenant, role)).send().await.unwrap().status().as_u16()
        };
        assert_eq!(as_("t", "agent").await, 403, "{method} {path}");
        assert_eq!(as_("other", "admin").await, 404, "{method} {path}");
        let nobody = bench.client.request(method.clone(), format!("{}{path}", bench.url)).send().await.unwrap();
        assert_eq!(nobody.status(), 401, "{method} {path}");
        let bad = path.replace(&recording.call_sid, "CA1");
        assert_eq!(ask(&bench, "admin", method.clone(), &bad).await.status(), 400);
    }
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await.status(), 200);
    let service = bench.request(Method::DELETE, &path, &token("-", "service")).send().await.unwrap();
    assert_eq!(service.status(), 204);
    is_gone(&bench, &recording.call_sid, "erased").await;
}

#[tokio::test]
async fn before_anything_has_landed_nothing_will() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    assert_eq!(erase(&bench, &recording.call_sid).await, 204);
    is_gone(&bench, &recording.call_sid, "erased").await;
    assert_eq!(announce(&bench, &recording).await, 204, "a late callback is kept");
    is_gone(&bench, &recording.call_sid, "erased").await;
    let again = bench.register(&recording, json!({"tenant": "t", "title": "revived"})).await;
    assert_eq!(again.status(), 410, "and another registration changes nothing");
    assert_eq!(again.json::<serde_json::Value>().await.unwrap()["code"], "erased");
    assert!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await["title"].is_null());
    let taken = bench.register(&recording, json!({"tenant": "other"})).await;
    assert_eq!(taken.status(), 409);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
}

#[tokio::test]
async fn a_service_erases_what_nobody_has_registered_yet() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(NewRecording::default());
    assert_eq!(erase(&bench, &recording.call_sid).await, 404, "for an admin it does not exist");
    let path = format!("/api/recordings/{}", recording.call_sid);
    let service = bench.request(Method::DELETE, &path, &token("-", "service")).send().await.unwrap();
    assert_eq!(service.status(), 204);
    assert_eq!(announce(&bench, &recording).await, 204);
    bench.place(&format!("{}.mp3", recording.call_sid), &bench.bytes_of(&recording));
    let registered = bench.register(&recording, json!({"tenant": "t", "title": "private"})).await;
    assert_eq!(registered.status(), 410);
    is_gone(&bench, &recording.call_sid, "erased").await;
    assert!(bench.json(&path).await["title"].is_null(), "only whose it was is kept");
    emptied(&bench).await;
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
}

#[tokio::test]
async fn a_call_erases_all_its_recordings_and_a_recording_only_itself() {
    let bench = Bench::start().await;
    let first = bench.landed(NewRecording::default()).await;
    announce(&bench, &first).await;
    let [second, third, late] = [further(&bench, &first), further(&bench, &first), further(&bench, &first)];
    for recording in [&second, &third] {
        announce(&bench, recording).await;
        let file = bench.get(&format!("/api/recordings/file/{}?wait=30", recording.recording_sid)).await;
        assert_eq!(file.status(), 200);
    }
    assert_eq!(erase(&bench, &second.recording_sid).await, 204);
    is_gone(&bench, &second.recording_sid, "erased").await;
    for other in [&first.call_sid, &third.recording_sid] {
        assert_eq!(bench.get(&format!("/api/recordings/file/{other}")).await.status(), 200);
    }
    assert_eq!(erase(&bench, &first.call_sid).await, 204);
    assert_eq!(announce(&bench, &late).await, 204);
    for sid in [&first.call_sid, &first.recording_sid, &third.recording_sid, &late.recording_sid] {
        is_gone(&bench, sid, "erased").await;
    }
    assert_eq!(files(&bench), [""; 0]);
}

#[tokio::test]
async fn erased_in_the_middle_of_its_download_it_leaves_no_part_and_no_job() {
    let bench = Bench::start().await;
    let faults = Faults { hold_after: Some(100_000), ..Default::default() };
    let new = NewRecording { seconds: 300.0, faults: Some(faults), ..Default::default() };
    let recording = bench.registered("t", new).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    let held = format!("/api/recordings/file/{}?wait=30", recording.call_sid);
    let held = bench.request(Method::GET, &held, &token("t", "agent")).send();
    let erasure = async {
        socket.until("progress").await;
        assert_eq!(erase(&bench, &recording.call_sid).await, 204);
        assert_eq!(socket.until("gone").await["code"], "erased");
    };
    let (held, ()) = tokio::join!(held, erasure);
    assert_eq!(held.unwrap().status(), 410, "who waits is told at once");
    bench.no_parts().await;
    bench.simulator.release(&recording.recording_sid);
    assert_eq!(bench.metric("landfall_jobs{state=\"leased\"}").await, 0.0);
    is_gone(&bench, &recording.call_sid, "erased").await;
    assert_eq!(files(&bench), [""; 0]);
}

#[tokio::test]
async fn a_file_that_a_foreign_worker_lands_later_is_never_served_and_removed() {
    let mut bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    assert_eq!(erase(&bench, &recording.call_sid).await, 204);
    let bytes = bench.bytes_of(&recording);
    bench.place(&format!("{}.mp3", recording.call_sid), &bytes);
    is_gone(&bench, &recording.call_sid, "erased").await;
    emptied(&bench).await;
    let mut socket = bench.socket().await;
    assert_eq!(socket.subscribe(&recording.call_sid, "play").await["state"], "gone");
    bench.place(&format!("{}.wav", recording.call_sid), &bytes);
    emptied(&bench).await;
    assert_eq!(socket.pushed().await, [json!(null); 0]);
    bench.stop().await;
    bench.boot().await;
    is_gone(&bench, &recording.call_sid, "erased").await;
}

#[tokio::test]
async fn a_listener_who_seeks_at_that_moment_hears_it_whole_or_not_at_all() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording::default()).await;
    let expected = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    let seek = async || {
        let request = bench.request(Method::GET, &path, &token("t", "agent")).header("range", "bytes=1000-1999");
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap();
        assert!(status == 410 || bytes == expected[1000..2000], "{status}");
        status
    };
    assert_eq!(seek().await, 206, "it lies open on the shelf");
    let (seeks, erased) = tokio::join!(
        async {
            let mut seen = Vec::new();
            while seen.last() != Some(&410) {
                seen.push(seek().await);
            }
            seen
        },
        erase(&bench, &recording.call_sid)
    );
    assert_eq!(erased, 204);
    assert!(seeks.iter().all(|status| matches!(status, 206 | 410)), "{seeks:?}");
    assert_eq!(seek().await, 410);
}

#[tokio::test]
async fn a_held_call_cannot_be_erased_until_it_is_let_go() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording::default()).await;
    announce(&bench, &recording).await;
    for _ in 0..2 {
        assert_eq!(hold(&bench, Method::PUT, &recording.recording_sid).await, 204);
    }
    let path = format!("/api/recordings/{}", recording.call_sid);
    let refused = ask(&bench, "admin", Method::DELETE, &path).await;
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["code"], "on_hold");
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await.status(), 200);
    for _ in 0..2 {
        assert_eq!(hold(&bench, Method::DELETE, &recording.call_sid).await, 204);
    }
    assert_eq!(erase(&bench, &recording.call_sid).await, 204);
    assert_eq!(hold(&bench, Method::PUT, &recording.call_sid).await, 410, "there is nothing left to hold");
    assert_eq!(hold(&bench, Method::PUT, &format!("CA{:032x}", 404)).await, 404);
}

#[tokio::test]
async fn the_providers_copies_go_too_where_that_is_wished() {
    let retention = RetentionOptions { delete_at_source: true, ..Default::default() };
    let bench = Bench::with(Knobs { retention, ..Default::default() }).await;
    let first = bench.landed(NewRecording::default()).await;
    let second = further(&bench, &first);
    assert_eq!(erase(&bench, &first.call_sid).await, 204);
    for recording in [&first, &second] {
        deleted_at_source(&bench, recording).await;
    }
    let late = further(&bench, &first);
    announce(&bench, &late).await;
    deleted_at_source(&bench, &late).await;
    let other = bench.landed(NewRecording::default()).await;
    assert_eq!(bench.simulator.status(&other.recording_sid), Status::Completed);
}
