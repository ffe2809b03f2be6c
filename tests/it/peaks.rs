//! Waveforms: drawn after a landing or when somebody asks, served like the recording, and gone with it.

use std::path::PathBuf;
use std::time::Duration;

use loadtest::twilio::{NewRecording, Recording};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Bench, Knobs, token};

/// Two seconds of a telephone's WAV (µ-law, 8 kHz): one side as loud as can be, the other silent.
fn telephone_wav() -> Vec<u8> {
    let samples = 16_000u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + 2 * samples).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x07\0\x02\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x08\0data");
    file.extend((2 * samples).to_le_bytes());
    file.extend((0..samples).flat_map(|n| [if n % 20 < 10 { 0x80 } else { 0x00 }, 0xff]));
    file
}

fn path_of(recording: &Recording) -> String {
    format!("/api/recordings/{}/peaks", recording.call_sid)
}

fn kept(bench: &Bench, recording: &Recording) -> PathBuf {
    bench.volume().join(format!(".landfall/peaks/{}.dat", recording.call_sid))
}

/// Waits for a waveform that nobody has asked for.
async fn drawn(bench: &Bench, recording: &Recording) {
    let path = kept(bench, recording);
    for _ in 0..2000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no waveform was drawn");
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn words(dat: &[u8]) -> Vec<u32> {
    dat[..24].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

#[tokio::test]
async fn a_play_ends_in_a_waveform_that_nobody_has_to_ask_for() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { seconds: 12.0, ..Default::default() }).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    let ready = socket.until("ready").await;
    assert_eq!(ready["peaks_url"], format!("{}{}", bench.url, path_of(&recording)));
    drawn(&bench, &recording).await;
    let answer = bench.get(&path_of(&recording)).await;
    assert_eq!((answer.status().as_u16(), &*header(&answer, "content-type")), (200, "application/octet-stream"));
    let dat = answer.bytes().await.unwrap();
    let [version, flags, rate, per_pixel, length, channels] = words(&dat)[..] else { panic!() };
    assert_eq!((version, flags, channels), (2, 1, ready["channels"].as_u64().unwrap() as u32));
    assert_eq!(dat.len(), 24 + 2 * (length * channels) as usize);
    let duration_ms = u64::from(length) * u64::from(per_pixel) * 1000 / u64::from(rate);
    assert!(duration_ms.abs_diff(ready["duration_ms"].as_u64().unwrap()) < 120, "{duration_ms}: {ready}");
    assert!(dat[24..].iter().any(|value| value.cast_signed() > 20), "somebody speaks");
    // It lies there a moment before it is counted.
    let begun = tokio::time::Instant::now();
    while bench.metric("landfall_peaks_seconds_count").await != 1.0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is not counted");
    }
    bench.no_parts().await;
}

#[tokio::test]
async fn the_waveform_of_a_foreign_workers_file_is_drawn_when_it_is_asked_for() {
    let bench = Bench::start().await;
    let recording = bench.placed("mp3", &telephone_wav()).await;
    // Ten ask at once, and the first waits no less than the last.
    let path = path_of(&recording);
    let asked = (0..10).map(|_| bench.get(&path));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.status(), 200);
        let dat = answer.bytes().await.unwrap();
        assert_eq!(words(&dat), [2, 1, 8000, 80, 200, 2]);
        assert!(dat[24..].chunks(4).all(|pixel| pixel == [131, 125, 0, 0]), "the sides have a lane each");
    }
    assert_eq!(bench.metric(r#"landfall_peaks_total{outcome="drawn"}"#).await, 1.0);
}

#[tokio::test]
async fn it_is_served_by_the_rules_for_validators_and_as_json_for_whoever_prefers_that() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &telephone_wav()).await;
    let path = path_of(&recording);
    let ask = |method: Method, name: &'static str, value: String| {
        bench.request(method, &path, &token("t", "agent")).header("origin", "https://app.example").header(name, value)
    };
    let head = ask(Method::HEAD, "accept", "*/*".into()).send().await.unwrap();
    assert_eq!(head.status(), 202, "a HEAD starts nothing");
    let dat = ask(Method::GET, "accept", "*/*".into()).send().await.unwrap();
    let etag = header(&dat, "etag");
    assert!(etag.starts_with(&format!("\"{}.", recording.call_sid)), "{etag}");
    let vary: Vec<_> = dat.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!((vary, &*header(&dat, "cache-control")), (vec!["Accept", "Origin"], "no-store"));
    assert_eq!(header(&dat, "access-control-allow-origin"), "https://app.example");
    assert_eq!(header(&dat, "referrer-policy"), "no-referrer");
    let same = ask(Method::GET, "if-none-match", etag.clone()).send().await.unwrap();
    assert_eq!((same.status().as_u16(), header(&same, "etag")), (304, etag.clone()));
    let other = ask(Method::GET, "if-match", "\"other\"".into()).send().await.unwrap();
    assert_eq!(other.status(), 412);
    let head = ask(Method::HEAD, "accept", "*/*".into()).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &*header(&head, "content-length")), (200, "824"));
    let answer = ask(Method::GET, "accept", "application/json".into()).send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_ne!(header(&answer, "etag"), etag, "another representation");
    let json: Value = answer.json().await.unwrap();
    let data = json["data"].as_array().unwrap();
    assert_eq!((json["length"].as_u64(), json["bits"].as_u64(), data.len()), (Some(200), Some(8), 800));
    assert_eq!(data[..4], [json!(-125), json!(125), json!(0), json!(0)]);
}

#[tokio::test]
async fn a_link_to_listen_opens_it_and_a_link_to_download_does_not() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &telephone_wav()).await;
    let order = async |purpose: &str| {
        let path = format!("/api/recordings/{}/link", recording.call_sid);
        let order = bench.request(Method::POST, &path, &token("t", "agent")).json(&json!({"purpose": purpose}));
        order.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let (play, download) = (order("play").await, order("download").await);
    let url = play["peaks_url"].as_str().unwrap();
    assert_eq!(bench.client.get(url).send().await.unwrap().status(), 200);
    assert_eq!(download["peaks_url"], Value::Null);
    let query = download["url"].as_str().unwrap().split_once('?').unwrap().1;
    let foreign = format!("{}{}?{query}", bench.url, path_of(&recording));
    assert_eq!(bench.client.get(foreign).send().await.unwrap().status(), 403);
    // Looking is no listening.
    let audit = format!("/api/recordings/{}/audit", recording.call_sid);
    let audit = bench.request(Method::GET, &audit, &token("t", "admin")).send().await.unwrap();
    let audit: Value = audit.json().await.unwrap();
    let actions: Vec<&str> = audit["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert!(!actions.contains(&"played") && actions.contains(&"linked"), "{audit}");
}

#[tokio::test]
async fn an_erasure_takes_the_waveform_along() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &telephone_wav()).await;
    assert_eq!(bench.get(&path_of(&recording)).await.status(), 200);
    assert!(kept(&bench, &recording).exists());
    let path = format!("/api/recordings/{}", recording.call_sid);
    let erased = bench.request(Method::DELETE, &path, &token("t", "admin")).send().await.unwrap();
    assert_eq!(erased.status(), 204);
    assert!(!kept(&bench, &recording).exists());
    let answer = bench.get(&path_of(&recording)).await;
    assert_eq!(answer.status(), 410);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "erased");
}

#[tokio::test]
async fn what_has_not_landed_is_not_fetched_for_its_waveform() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let answer = bench.get(&path_of(&recording)).await;
    assert_eq!((answer.status().as_u16(), &*header(&answer, "retry-after")), (202, "2"));
    assert_eq!(answer.json::<Value>().await.unwrap()["state"], "unknown");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
    let missing = bench.get(&format!("/api/recordings/CA{:032x}/peaks", 1)).await;
    assert_eq!(missing.status(), 404);
    assert_eq!(bench.get("/api/recordings/CA1/peaks").await.json::<Value>().await.unwrap()["code"], "bad_sid");
}

#[tokio::test]
async fn what_cannot_be_decoded_is_heard_all_the_same_and_tried_once() {
    let bench = Bench::start().await;
    let mut adpcm = telephone_wav();
    adpcm[20] = 0x11;
    let recording = bench.placed("wav", &adpcm).await;
    for _ in 0..2 {
        let answer = bench.get(&path_of(&recording)).await;
        assert_eq!(answer.status(), 422);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "undecodable");
    }
    assert_eq!(bench.metric(r#"landfall_peaks_total{outcome="undecodable"}"#).await, 1.0);
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await.status(), 200);
}

#[tokio::test]
async fn a_volume_that_takes_no_waveform_says_so() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &telephone_wav()).await;
    // A file where the directory would be: the tests run as root, whom no permission stops.
    std::fs::write(bench.volume().join(".landfall/peaks"), b"").unwrap();
    let answer = bench.get(&path_of(&recording)).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "volume_unavailable");
    std::fs::remove_file(bench.volume().join(".landfall/peaks")).unwrap();
    assert_eq!(bench.get(&path_of(&recording)).await.status(), 200);
}

#[tokio::test]
async fn a_worker_of_its_own_draws_what_it_lands() {
    let bench = Bench::with(Knobs { remote: true, ..Knobs::default() }).await;
    let worker = bench.worker().await;
    let recording = bench.landed(NewRecording::default()).await;
    drawn(&bench, &recording).await;
    assert_eq!(bench.get(&path_of(&recording)).await.status(), 200);
    worker.stop().await;
}
