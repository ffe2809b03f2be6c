//! What has come is sent while the rest comes. The pause point is the provider's: it sends so many bytes, and then waits.

use std::time::Duration;

use loadtest::twilio::{Faults, Format, NewRecording, Recording};
use reqwest::{Method, Response};

use super::ask;
use crate::support::{Bench, Knobs, token};

/// More than a header may take.
const COME: u64 = 200_000;
/// Of some 480 kB.
const SECONDS: f64 = 120.0;

fn file(recording: &Recording) -> String {
    format!("/api/recordings/file/{}", recording.call_sid)
}

/// A recording that somebody plays, of which so much has come, and its bytes.
async fn half_way(bench: &Bench, faults: Faults) -> (Recording, Vec<u8>) {
    let faults = Some(Faults { hold_after: Some(COME), ..faults });
    let recording = bench.registered("t", NewRecording { seconds: SECONDS, faults, ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    while socket.until("progress").await["received"] != COME {}
    let bytes = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    assert!(bytes.len() as u64 > 2 * COME);
    (recording, bytes.into())
}

/// The bytes of a body up to that many; the rest is left in it.
async fn first(response: &mut Response, many: u64) -> Vec<u8> {
    let mut came = Vec::new();
    while (came.len() as u64) < many {
        came.extend_from_slice(&response.chunk().await.unwrap().expect("more"));
    }
    came
}

/// What came before the body was cut.
async fn until_cut(mut response: Response) -> Vec<u8> {
    let mut came = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => came.extend_from_slice(&chunk),
            Ok(None) => panic!("whole"),
            Err(_) => return came,
        }
    }
}

#[tokio::test]
async fn what_has_come_is_sent_as_it_will_be_once_all_has_landed() {
    let bench = Bench::start().await;
    let (recording, bytes) = half_way(&bench, Faults::default()).await;
    let (path, size) = (file(&recording), bytes.len());
    let head = ask(&bench, Method::HEAD, &path, &[]).await;
    assert_eq!((head.status, head.field("content-length")), (200, &*size.to_string()));
    assert_eq!((head.field("accept-ranges"), head.field("content-type")), ("bytes", "audio/mpeg"));
    assert_eq!(head.field("last-modified"), "", "nobody knows yet");
    let tag = head.field("etag");
    let part = ask(&bench, Method::GET, &path, &[("range", "bytes=1000-1999"), ("if-range", tag)]).await;
    assert_eq!((part.status, &part.body[..]), (206, &bytes[1000..2000]));
    assert_eq!(part.field("content-range"), format!("bytes 1000-1999/{size}"));
    let parts = ask(&bench, Method::GET, &path, &[("range", "bytes=0-9, 150000-150009")]).await;
    assert_eq!(parts.status, 206);
    assert!(parts.field("content-type").starts_with("multipart/byteranges"));
    let beyond = ask(&bench, Method::GET, &path, &[("range", &format!("bytes={size}-"))]).await;
    assert_eq!((beyond.status, beyond.field("content-range")), (416, &*format!("bytes */{size}")));
    assert_eq!(ask(&bench, Method::GET, &path, &[("if-none-match", tag)]).await.status, 304);
    assert_eq!(ask(&bench, Method::GET, &path, &[("if-match", "\"other\"")]).await.status, 412);
    // Dates count for nothing before there is one.
    let date = "Thu, 01 Jan 1970 00:00:00 GMT";
    for (field, status) in [("if-unmodified-since", 206), ("if-modified-since", 206), ("if-range", 200)] {
        let mut answer = bench.request(Method::GET, &path, &token("t", "agent")).header(field, date);
        answer = answer.header("range", "bytes=0-9");
        assert_eq!(answer.send().await.unwrap().status(), status, "{field}");
    }
    let foreign = bench.request(Method::GET, &path, &token("other", "agent")).send().await.unwrap();
    assert_eq!(foreign.status(), 404);
    // Some of what has not come, and all, and all as a file.
    let mut whole = bench.get(&path).await;
    let mut download = bench.get(&format!("/api/calls/{}/download", recording.call_sid)).await;
    assert_eq!((whole.status(), download.status()), (reqwest::StatusCode::OK, reqwest::StatusCode::OK));
    let disposition = download.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    let (mut all, mut saved) = (first(&mut whole, COME).await, first(&mut download, COME).await);
    let end = format!("bytes=-{}", size / 4);
    let end = [("range", &*end)];
    let (last, ()) = tokio::join!(ask(&bench, Method::GET, &path, &end), async {
        bench.simulator.release(&recording.recording_sid);
    });
    assert_eq!((last.status, &last.body[..]), (206, &bytes[size - size / 4..]));
    all.extend(first(&mut whole, size as u64 - COME).await);
    saved.extend(first(&mut download, size as u64 - COME).await);
    assert!(all == bytes && saved == bytes);
    let landed = ask(&bench, Method::HEAD, &path, &[]).await;
    assert_eq!((landed.status, landed.field("etag")), (200, tag));
    assert_ne!(landed.field("last-modified"), "");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn who_is_held_need_not_wait_for_the_rest() {
    let bench = Bench::start().await;
    let faults = Some(Faults { hold_after: Some(COME), ..Default::default() });
    let recording = bench.registered("t", NewRecording { seconds: SECONDS, faults, ..Default::default() }).await;
    let part = ask(&bench, Method::GET, &format!("{}?wait=30", file(&recording)), &[("range", "bytes=0-65535")]).await;
    let bytes = bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
    assert_eq!((part.status, &part.body[..]), (206, &bytes[..65536]));
}

#[tokio::test]
async fn an_erasure_cuts_who_follows() {
    let bench = Bench::start().await;
    let (recording, _) = half_way(&bench, Faults::default()).await;
    let mut whole = bench.get(&file(&recording)).await;
    first(&mut whole, COME).await;
    let path = format!("/api/recordings/{}", recording.call_sid);
    let erased = bench.request(Method::DELETE, &path, &token("t", "admin")).send().await.unwrap();
    assert_eq!(erased.status(), 204);
    assert!(until_cut(whole).await.is_empty());
    assert_eq!(bench.get(&file(&recording)).await.status(), 410);
    bench.no_parts().await;
}

#[tokio::test]
async fn the_next_attempt_goes_on_where_one_has_broken() {
    let bench = Bench::start().await;
    let cut = Faults { cut_after: Some(COME + 50_000), cuts: 1, ..Default::default() };
    let (recording, bytes) = half_way(&bench, cut).await;
    let mut whole = bench.get(&file(&recording)).await;
    first(&mut whole, COME).await;
    bench.simulator.release(&recording.recording_sid);
    assert!(first(&mut whole, bytes.len() as u64 - COME).await == bytes[COME as usize..]);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 2);
}

#[tokio::test]
async fn what_does_not_land_is_never_taken_for_whole() {
    let give_up_after = Duration::from_secs(3);
    let bench = Bench::with(Knobs { give_up_after, ..Default::default() }).await;
    // All bytes that there are will come, and are not as many as were announced.
    let (recording, bytes) = half_way(&bench, Faults { wrong_length: Some(1), ..Default::default() }).await;
    let whole = bench.get(&file(&recording)).await;
    assert_eq!(whole.content_length(), Some(bytes.len() as u64 + 1));
    bench.simulator.release(&recording.recording_sid);
    assert!(until_cut(whole).await.len() <= bytes.len());
    assert_eq!(bench.get(&format!("{}?wait=10", file(&recording))).await.status(), 502);
}

#[tokio::test]
async fn what_has_no_length_or_is_no_audio_is_not_sent_before_it_has_landed() {
    let bench = Bench::start().await;
    for faults in [
        Faults { no_content_length: true, ..Default::default() },
        Faults { garbage: true, ..Default::default() },
        Faults { html: true, ..Default::default() },
    ] {
        let hold_after = Some(if faults.html { 1 } else { COME });
        let faults = Some(Faults { hold_after, ..faults });
        let recording = bench.registered("t", NewRecording { seconds: SECONDS, faults, ..Default::default() }).await;
        let held = ask(&bench, Method::GET, &format!("{}?wait=1", file(&recording)), &[]).await;
        assert_eq!(held.status, 202);
        assert_eq!(ask(&bench, Method::HEAD, &file(&recording), &[]).await.status, 202);
    }
}

#[tokio::test]
async fn who_follows_takes_the_place_of_one_who_waits() {
    let mut knobs = Knobs::default();
    knobs.limits.waiting_requests = 1;
    let bench = Bench::with(knobs).await;
    let (recording, _) = half_way(&bench, Faults::default()).await;
    let whole = bench.get(&file(&recording)).await;
    let another = ask(&bench, Method::GET, &format!("{}?wait=5", file(&recording)), &[]).await;
    assert_eq!((another.status, &another.json()["code"]), (503, &"overloaded".into()));
    assert_eq!(bench.get(&file(&recording)).await.status(), 202, "who does not wait asks again");
    assert_eq!(ask(&bench, Method::HEAD, &file(&recording), &[]).await.status, 200, "a HEAD needs no place");
    drop(whole);
    while bench.get(&file(&recording)).await.status() != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
