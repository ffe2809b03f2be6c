//! What a recording is called, what it is said to be, and which pages may read it.

use loadtest::twilio::{Faults, Format, NewRecording, Recording};
use reqwest::Method;
use serde_json::json;

use super::{Answer, Landed, ask};
use crate::support::{Bench, token, wav};

#[tokio::test]
async fn a_call_and_its_recording_name_the_same_bytes() {
    let bench = Bench::start().await;
    let recording = bench.landed(Default::default()).await;
    let of = async |sid: &str| ask(&bench, Method::GET, &format!("/api/recordings/file/{sid}"), &[]).await;
    let (call, further) = (of(&recording.call_sid).await, of(&recording.recording_sid).await);
    assert_eq!((call.status, further.status), (200, 200));
    assert!(call.body == further.body);
    assert_eq!(call.field("etag"), further.field("etag"));
    for (sid, answer) in [(&recording.call_sid, call), (&recording.recording_sid, further)] {
        assert_eq!(answer.field("content-type"), "audio/mpeg");
        assert_eq!(answer.field("content-disposition"), format!("inline; filename=\"recording_{sid}.mp3\""));
        let state = bench.json(&format!("/api/recordings/{sid}")).await;
        assert_eq!(state["sid"], **sid);
        assert_eq!(state["recording_sid"], *recording.recording_sid);
        assert_eq!(state["etag"], answer.field("etag"));
        assert_eq!(state["size"], answer.body.len());
        assert_eq!(state["content_type"], "audio/mpeg");
        assert_eq!(state["url"], format!("{}/api/recordings/file/{sid}", bench.url));
    }
}

#[tokio::test]
async fn bytes_and_validators_outlive_a_restart() {
    let mut bench = Bench::start().await;
    let recording = bench.landed(Default::default()).await;
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    let before = ask(&bench, Method::GET, &path, &[]).await;
    bench.stop().await;
    bench.boot().await;
    let after = ask(&bench, Method::GET, &path, &[]).await;
    assert!(before.body == after.body);
    for same in ["etag", "last-modified", "content-type"] {
        assert_eq!(before.field(same), after.field(same), "{same}");
    }
    assert!(before.field("etag").starts_with('"'), "only a strong tag lets browsers seek");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
    let cached = ask(&bench, Method::GET, &path, &[("if-none-match", before.field("etag"))]).await;
    assert_eq!(cached.status, 304);
}

#[tokio::test]
async fn wav_under_an_mp3_name_is_served_as_wav() {
    let (bench, bytes) = (Bench::start().await, wav(20_000));
    let recording = bench.placed("mp3", &bytes).await;
    let answer = ask(&bench, Method::GET, &format!("/api/recordings/file/{}", recording.call_sid), &[]).await;
    assert!(answer.body == bytes);
    assert_eq!(answer.field("content-type"), "audio/wav");
    let download = ask(&bench, Method::GET, &format!("/api/calls/{}/download", recording.call_sid), &[]).await;
    let name = format!("attachment; filename=\"recording_{}.wav\"", recording.call_sid);
    assert_eq!(download.field("content-disposition"), name);
}

#[tokio::test]
async fn what_the_provider_sends_is_believed_over_what_it_calls_it() {
    let bench = Bench::start().await;
    let faults = Some(Faults { other_format: true, ..Default::default() });
    let recording = bench.landed(NewRecording { faults, ..Default::default() }).await;
    let answer = ask(&bench, Method::GET, &format!("/api/recordings/file/{}", recording.call_sid), &[]).await;
    assert!(answer.body == bench.simulator.media_bytes(&recording.recording_sid, Format::Wav, 2));
    assert_eq!(answer.field("content-type"), "audio/wav");
    assert!(bench.volume().join(format!("{}.wav", recording.call_sid)).exists());
}

#[tokio::test]
async fn a_recording_of_one_channel_is_fetched_as_such() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording { channels: 1, ..Default::default() }).await;
    let answer = ask(&bench, Method::GET, &format!("/api/recordings/file/{}", recording.call_sid), &[]).await;
    assert!(answer.body == bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 1));
    assert_eq!(bench.json(&format!("/api/recordings/{}", recording.call_sid)).await["channels"], 1);
}

/// Two recordings of one call, the later one added first.
fn two(bench: &Bench) -> (Recording, Recording) {
    let at = |minute: u32| Some(format!("2026-01-31T12:{minute:02}:00Z").parse().expect("a time"));
    let second = bench.simulator.add(NewRecording { started_at: at(5), seconds: 20.0, ..Default::default() });
    let call_sid = Some(second.call_sid.clone());
    let first = bench.simulator.add(NewRecording { started_at: at(0), call_sid, ..Default::default() });
    (first, second)
}

#[tokio::test]
async fn a_call_names_its_first_recording_unless_it_was_registered_with_another() {
    for named in [false, true] {
        let bench = Bench::start().await;
        let (first, second) = two(&bench);
        let body =
            if named { json!({"tenant": "t", "recording_sid": second.recording_sid}) } else { json!({"tenant": "t"}) };
        bench.register(&first, body).await;
        let primary = if named { &second } else { &first };
        let path = format!("/api/recordings/file/{}?wait=10", first.call_sid);
        let answer = ask(&bench, Method::GET, &path, &[]).await;
        assert!(answer.body == bench.simulator.media_bytes(&primary.recording_sid, Format::Mp3, 2), "{named}");
        assert!(bench.volume().join(format!("{}.mp3", first.call_sid)).exists());
    }
}

#[tokio::test]
async fn further_recordings_of_a_call_have_files_of_their_own() {
    let bench = Bench::start().await;
    let (first, second) = two(&bench);
    bench.register(&first, json!({"tenant": "t"})).await;
    let callbacks = format!("{}/webhooks/twilio/recording-status", bench.url);
    for recording in [&first, &second] {
        bench.simulator.callback(&callbacks, &recording.recording_sid, "completed").await.unwrap();
        let path = format!("/api/recordings/file/{}?wait=10", recording.recording_sid);
        let answer = ask(&bench, Method::GET, &path, &[]).await;
        assert!(answer.body == bench.simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2));
        let state = bench.json(&format!("/api/recordings/{}", recording.recording_sid)).await;
        assert_eq!(
            (&state["call_sid"], &state["recording_sid"]),
            (&json!(first.call_sid), &json!(recording.recording_sid))
        );
    }
    assert!(bench.volume().join(format!("{}.mp3", first.call_sid)).exists());
    assert!(bench.volume().join(format!("{}.mp3", second.recording_sid)).exists());
    let list = bench.json("/api/recordings").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "a list is of calls");
}

#[tokio::test]
async fn both_download_routes_give_a_file_with_a_name() {
    let landed = Landed::of(30_000).await;
    let sid = &landed.recording.call_sid;
    for path in [format!("/api/calls/{sid}/download"), format!("/api/calls/download/{sid}")] {
        let plain = ask(&landed.bench, Method::GET, &path, &[]).await;
        assert!(landed.is_whole(&plain), "{path}");
        assert_eq!(plain.field("content-disposition"), format!("attachment; filename=\"recording_{sid}.wav\""));
        let head = ask(&landed.bench, Method::HEAD, &path, &[]).await;
        assert_eq!((head.status, head.field("content-length")), (200, "30000"), "{path}");
        assert_eq!(head.field("content-disposition"), plain.field("content-disposition"));
        let part = ask(&landed.bench, Method::GET, &path, &[("range", "bytes=29990-")]).await;
        assert_eq!((part.status, &part.body[..]), (206, &landed.bytes[29_990..]), "a download can be taken up again");
    }
}

#[tokio::test]
async fn a_title_names_the_download_in_whatever_script() {
    let landed = Landed::of(30_000).await;
    let path = format!("/api/calls/{}/download", landed.recording.call_sid);
    let plain = ask(&landed.bench, Method::GET, &path, &[]).await;
    let plain = plain.field("content-disposition");
    let cases = [
        ("שיחה עם דנה", "%D7%A9%D7%99%D7%97%D7%94%20%D7%A2%D7%9D%20%D7%93%D7%A0%D7%94.wav"),
        ("Q1 \"budget\"; 100%", "Q1%20%22budget%22%3B%20100%25.wav"),
        ("../../etc/passwd\r\nX-Evil: 1", "....etcpasswdX-Evil%3A%201.wav"),
        ("don't (really) *", "don%27t%20%28really%29%20%2A.wav"),
    ];
    for (title, encoded) in cases {
        landed.bench.register(&landed.recording, json!({"tenant": "t", "title": title})).await;
        let answer = ask(&landed.bench, Method::GET, &path, &[]).await;
        assert_eq!(answer.field("content-disposition"), format!("{plain}; filename*=UTF-8''{encoded}"), "{title}");
        assert_eq!(answer.field("x-evil"), "");
    }
}

#[tokio::test]
async fn nobody_is_to_store_or_guess_what_is_sent() {
    let landed = Landed::of(30_000).await;
    let unknown = landed.bench.registered("t", Default::default()).await;
    let path = format!("/api/recordings/file/{}", landed.recording.call_sid);
    let audio = ask(&landed.bench, Method::GET, &path, &[]).await;
    assert_eq!((audio.field("cache-control"), audio.field("x-content-type-options")), ("no-store", "nosniff"));
    // A 404 or 410 may be stored by heuristics (RFC 9110 §15.1), and would then hide a recording that is there.
    for path in [
        format!("/api/recordings/file/{}", unknown.call_sid),
        format!("/api/recordings/file/CA{}", "0".repeat(32)),
        format!("/api/recordings/{}", unknown.call_sid),
        "/api/recordings".into(),
        "/nowhere".into(),
    ] {
        let answer = ask(&landed.bench, Method::GET, &path, &[]).await;
        assert_eq!(answer.field("cache-control"), "no-store", "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_with_credentials_and_others_not() {
    let landed = Landed::of(30_000).await;
    let read = |name: &'static str| move |answer: &Answer| answer.field(name).to_owned();
    let (origin, credentials) = (read("access-control-allow-origin"), read("access-control-allow-credentials"));
    for fields in [&[("range", "bytes=0-9")][..], &[], &[("range", "bytes=30000-")], &[("if-none-match", "*")]] {
        let ours = [&[("origin", "https://app.example")], fields].concat();
        let answer = landed.get(&ours).await;
        assert_eq!((&*origin(&answer), &*credentials(&answer)), ("https://app.example", "true"), "{}", answer.status);
        let exposed = answer.field("access-control-expose-headers").to_ascii_lowercase();
        for name in [
            "accept-ranges",
            "content-length",
            "content-range",
            "content-disposition",
            "etag",
            "retry-after",
            "x-request-id",
        ] {
            assert!(exposed.split(", ").any(|it| it == name), "{name}");
        }
        assert!(answer.field("vary").to_ascii_lowercase().contains("origin"));
        for foreign in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"] {
            let answer = landed.get(&[&[("origin", foreign)], fields].concat()).await;
            assert_eq!((&*origin(&answer), &*credentials(&answer)), ("", ""), "{foreign}");
            assert!(answer.field("vary").to_ascii_lowercase().contains("origin"), "a cache must tell them apart");
        }
    }
    let denied = landed.bench.client.get(format!("{}{}", landed.bench.url, landed.path()));
    let denied = Answer::of(denied.header("origin", "https://app.example").send().await.unwrap()).await;
    assert_eq!((denied.status, &*origin(&denied)), (401, "https://app.example"), "a page must see why");
}

#[tokio::test]
async fn a_preflight_is_answered_without_credentials() {
    let landed = Landed::of(30_000).await;
    let preflight = async |origin: &str, path: &str, method: &str| {
        let request = landed.bench.client.request(Method::OPTIONS, format!("{}{path}", landed.bench.url));
        let request = request.header("origin", origin).header("access-control-request-method", method);
        let request = request.header("access-control-request-headers", "authorization,range");
        Answer::of(request.send().await.unwrap()).await
    };
    let sid = &landed.recording.call_sid;
    for (path, method) in [
        (landed.path(), "GET"),
        (format!("/api/recordings/{sid}/prepare"), "POST"),
        (format!("/api/calls/{sid}"), "PUT"),
        (format!("/api/recordings/{sid}"), "DELETE"),
    ] {
        let ours = preflight("https://app.example", &path, method).await;
        assert!([200, 204].contains(&ours.status), "{path}: {}", ours.status);
        assert_eq!(ours.field("access-control-allow-origin"), "https://app.example");
        assert_eq!(ours.field("access-control-allow-credentials"), "true");
        assert!(ours.field("access-control-allow-methods").split(", ").any(|it| it == method), "{method}");
        let headers = ours.field("access-control-allow-headers").to_ascii_lowercase();
        for name in ["authorization", "content-type", "range", "if-range"] {
            assert!(headers.split(", ").any(|it| it == name), "{name}");
        }
        let foreign = preflight("https://evil.example", &path, method).await;
        assert_eq!(foreign.field("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn a_cookie_opens_the_file_as_a_header_does() {
    let landed = Landed::of(30_000).await;
    let request = landed.bench.client.get(format!("{}{}", landed.bench.url, landed.path()));
    let cookie = format!("theme=dark; landfall_session={}", token("t", "agent"));
    let answer = Answer::of(request.header("cookie", cookie).send().await.unwrap()).await;
    assert!(landed.is_whole(&answer));
}
