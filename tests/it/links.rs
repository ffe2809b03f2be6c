//! Signed links: what each opens, for whom and how long, and where its signature never shows.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use landfall::recording::Timestamp;
use loadtest::twilio::{NewRecording, Recording, Status};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Bench, Knobs, sign, token, wav};

async fn order(bench: &Bench, sid: &str, purpose: &str, token: &str) -> Response {
    let request = bench.request(Method::POST, &format!("/api/recordings/{sid}/link"), token);
    request.json(&json!({"purpose": purpose})).send().await.expect("an answer")
}

/// A link for an agent of the tenant `t`.
async fn link(bench: &Bench, recording: &Recording, purpose: &str) -> String {
    let answer = order(bench, &recording.call_sid, purpose, &token("t", "agent")).await;
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.expect("JSON")["url"].as_str().expect("a URL").to_owned()
}

/// Asks as somebody of whom nothing is known.
async fn open(bench: &Bench, method: Method, url: &str) -> Response {
    bench.client.request(method, url).send().await.expect("an answer")
}

async fn refused(bench: &Bench, url: &str) -> (u16, String) {
    let answer = open(bench, Method::GET, url).await;
    let (status, policy) = (answer.status().as_u16(), answer.headers().get("referrer-policy").cloned());
    let problem: Value = answer.json().await.unwrap_or_default();
    assert!(policy.is_some_and(|policy| policy == "no-referrer"), "{status} {problem}");
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

fn invalid() -> (u16, String) {
    (403, "link_invalid".to_owned())
}

fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let mut pairs = url.split_once('?').expect("a query").1.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).expect("the parameter").1
}

#[tokio::test]
async fn a_link_opens_the_recording_without_a_token_until_it_expires() {
    let bench = Bench::start().await;
    let bytes = wav(20_000);
    let recording = bench.placed("wav", &bytes).await;
    let before = Timestamp::now();
    let answer = order(&bench, &recording.call_sid, "play", &token("t", "agent")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    let told: Value = answer.json().await.unwrap();
    let url = told["url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("{}/api/recordings/file/{}?purpose=play&sub=tester&", bench.url, recording.call_sid))
    );
    let lasts = Timestamp::parse(told["expires_at"].as_str().unwrap()).unwrap().since(before);
    assert!((600..=602).contains(&lasts.as_secs()), "{lasts:?}");
    assert!(told["duration_ms"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(told["peaks_url"], url.replace("/file/", "/").replace('?', "/peaks?"), "the same for its waveform");
    for _ in 0..3 {
        let whole = open(&bench, Method::GET, url).await;
        assert_eq!(
            (whole.status().as_u16(), &whole.headers()["referrer-policy"]),
            (200, &"no-referrer".parse().unwrap())
        );
        assert_eq!(whole.bytes().await.unwrap(), bytes);
        let part = bench.client.get(url).header("range", "bytes=100-199").send().await.unwrap();
        assert_eq!(part.status(), 206);
        assert_eq!(part.bytes().await.unwrap(), bytes[100..200]);
        let head = open(&bench, Method::HEAD, url).await;
        assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"20000".parse().unwrap()));
    }
}

#[tokio::test]
async fn a_download_link_opens_both_download_routes() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let url = link(&bench, &recording, "download").await;
    let query = url.split_once('?').unwrap().1;
    assert!(url.starts_with(&format!("{}/api/calls/{}/download?", bench.url, recording.call_sid)));
    for url in [url.clone(), format!("{}/api/calls/download/{}?{query}", bench.url, recording.call_sid)] {
        for method in [Method::GET, Method::HEAD] {
            let answer = open(&bench, method, &url).await;
            assert_eq!(answer.status(), 200);
            assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
        }
    }
}

#[tokio::test]
async fn a_link_for_another_purpose_opens_nothing() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let (play, download) = (link(&bench, &recording, "play").await, link(&bench, &recording, "download").await);
    let (play, download) = (play.split_once('?').unwrap().1, download.split_once('?').unwrap().1);
    let sid = &recording.call_sid;
    for _ in 0..2 {
        for path in [format!("calls/{sid}/download"), format!("calls/download/{sid}")] {
            assert_eq!(refused(&bench, &format!("{}/api/{path}?{play}", bench.url)).await, invalid());
        }
        let file = format!("{}/api/recordings/file/{sid}?{download}", bench.url);
        assert_eq!(refused(&bench, &file).await, invalid());
    }
}

#[tokio::test]
async fn other_routes_take_no_link() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    for purpose in ["play", "download"] {
        let url = link(&bench, &recording, purpose).await;
        let (sid, query) = (&recording.call_sid, url.split_once('?').unwrap().1);
        for (method, path) in [
            (Method::GET, format!("/api/recordings/{sid}")),
            (Method::GET, "/api/recordings".into()),
            (Method::POST, format!("/api/recordings/{sid}/prepare")),
            (Method::POST, format!("/api/recordings/{sid}/link")),
            (Method::GET, "/api/recordings/events".into()),
        ] {
            let answer = open(&bench, method, &format!("{}{path}?{query}&sid={sid}", bench.url)).await;
            assert_eq!(answer.status(), 401, "{path}");
        }
    }
}

#[tokio::test]
async fn every_changed_byte_of_a_link_makes_it_invalid() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let url = link(&bench, &recording, "play").await;
    // Opened, so that both ways are tried.
    assert_eq!(open(&bench, Method::GET, &url).await.status(), 200);
    for name in ["purpose", "sub", "exp", "kid", "sig"] {
        let value = parameter(&url, name);
        let begin = url.find(&format!("{name}={value}")).unwrap() + name.len() + 1;
        for at in begin..begin + value.len() {
            let mut changed = url.clone().into_bytes();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(refused(&bench, &changed).await, invalid(), "{name}, byte {}", at - begin);
        }
        for bad in [
            url.replace(&format!("{name}={value}"), &format!("{name}=")),
            url.replace(&format!("{name}={value}"), "x=y"),
            format!("{url}&{name}={value}"),
            url.replace(&format!("{name}={value}"), &format!("{name}={value}{}", "0".repeat(600))),
        ] {
            assert_eq!(refused(&bench, &bad).await, invalid(), "{name}");
        }
    }
    assert_eq!(open(&bench, Method::GET, &url).await.status(), 200);
}

#[tokio::test]
async fn nobody_learns_from_a_bad_link_which_recordings_there_are() {
    let bench = Bench::start().await;
    let mine = bench.placed("wav", &wav(20_000)).await;
    let theirs = bench.registered("u", NewRecording::default()).await;
    let url = link(&bench, &mine, "play").await;
    for other in [&theirs.call_sid, &format!("CA{:032x}", 77), "rubbish", &mine.recording_sid] {
        assert_eq!(refused(&bench, &url.replace(&mine.call_sid, other)).await, invalid(), "{other}");
    }
}

#[tokio::test]
async fn only_who_may_hear_a_recording_gets_a_link() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let sid = &recording.call_sid;
    for (tenant, role, status) in
        [("t", "agent", 200), ("t", "admin", 200), ("-", "service", 200), ("u", "agent", 404), ("u", "admin", 404)]
    {
        let answer = order(&bench, sid, "play", &token(tenant, role)).await;
        assert_eq!(answer.status().as_u16(), status, "{tenant} {role}");
    }
    let nobody = bench.client.post(format!("{}/api/recordings/{sid}/link", bench.url)).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    let unknown = order(&bench, &format!("CA{:032x}", 77), "play", &token("t", "agent")).await;
    assert_eq!(unknown.status(), 404);
    for (sid, purpose, code) in [("rubbish", "play", "bad_sid"), (sid, "erase", "bad_body")] {
        let answer = order(&bench, sid, purpose, &token("t", "agent")).await;
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code);
    }
    let claims = json!({"sub": "x".repeat(600), "business_id": "t", "exp": Timestamp::now().seconds() + 60});
    let answer = order(&bench, sid, "play", &sign(&claims)).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "bad_user");
}

#[tokio::test]
async fn a_link_is_good_for_its_recording_whoever_else_sends_it_and_a_bad_one_is_not_mended_by_a_token() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let url = link(&bench, &recording, "play").await;
    let changed = url.replace("sub=tester", "sub=taster");
    let with = |url: &str, token: &str| bench.client.get(url).bearer_auth(token).send();
    for _ in 0..2 {
        assert_eq!(with(&url, &token("u", "agent")).await.unwrap().status(), 200);
        assert_eq!(with(&url, "rubbish").await.unwrap().status(), 200);
        assert_eq!(with(&changed, &token("t", "agent")).await.unwrap().status(), 403);
    }
}

#[tokio::test]
async fn a_link_that_is_too_late_says_so() {
    let bench = Bench::with(Knobs { link_ttl: Duration::from_secs(1), ..Knobs::default() }).await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let url = link(&bench, &recording, "play").await;
    assert_eq!(open(&bench, Method::GET, &url).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(2050)).await;
    assert_eq!(refused(&bench, &url).await, (403, "link_expired".to_owned()));
    let changed = url.replace("sub=tester", "sub=taster");
    assert_eq!(refused(&bench, &changed).await, invalid());
}

#[tokio::test]
async fn links_outlive_a_restart() {
    let mut bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let url = link(&bench, &recording, "play").await;
    let kid = parameter(&url, "kid").to_owned();
    let path = url.strip_prefix(&bench.url).unwrap().to_owned();
    bench.stop().await;
    bench.boot().await;
    for _ in 0..2 {
        assert_eq!(open(&bench, Method::GET, &format!("{}{path}", bench.url)).await.status(), 200);
    }
    assert_eq!(parameter(&link(&bench, &recording, "play").await, "kid"), kid);
}

#[tokio::test]
async fn a_link_may_be_signed_before_the_recording_has_landed() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let url = link(&bench, &recording, "play").await;
    let answer = open(&bench, Method::HEAD, &url).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["referrer-policy"]),
        (202, &"no-referrer".parse().unwrap())
    );
    let answer = open(&bench, Method::GET, &format!("{url}&wait=30")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.unwrap(), bench.bytes_of(&recording));
}

#[tokio::test]
async fn a_link_to_what_is_gone_says_that_it_is_gone_and_no_new_one_is_given() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    let (play, download) = (link(&bench, &recording, "play").await, link(&bench, &recording, "download").await);
    let gone = (410, "absent".to_owned());
    assert_eq!(refused(&bench, &format!("{play}&wait=10")).await, gone);
    assert_eq!(refused(&bench, &play).await, gone);
    assert_eq!(refused(&bench, &download).await, gone);
    assert_eq!(refused(&bench, &play.replace("sub=tester", "sub=taster")).await, invalid());
    let again = order(&bench, &recording.call_sid, "play", &token("t", "agent")).await;
    assert_eq!(again.status(), 410);
}

#[tokio::test]
async fn every_link_of_a_recording_gives_the_same_etag() {
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let mut etags = Vec::new();
    for purpose in ["play", "download", "play"] {
        let url = link(&bench, &recording, purpose).await;
        etags.push(open(&bench, Method::GET, &url).await.headers()["etag"].clone());
    }
    let by_token = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
    assert!(etags.iter().all(|etag| etag == by_token.headers()["etag"]));
    let url = link(&bench, &recording, "play").await;
    let held = bench.client.get(url).header("if-none-match", &etags[0]).send().await.unwrap();
    assert_eq!((held.status().as_u16(), &held.headers()["referrer-policy"]), (304, &"no-referrer".parse().unwrap()));
}

/// What a server logs, all of it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_signature_shows_neither_in_logs_nor_in_metrics_nor_in_problems() {
    let log = Log::default();
    let to = log.clone();
    // The server's threads are its own: no subscriber of this one would hear them.
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || to.clone()).init();
    let bench = Bench::start().await;
    let recording = bench.placed("wav", &wav(20_000)).await;
    let url = link(&bench, &recording, "play").await;
    let signature = parameter(&url, "sig");
    for _ in 0..2 {
        assert_eq!(open(&bench, Method::GET, &url).await.status(), 200);
    }
    let changed = url.replace("sub=tester", "sub=taster");
    let problem = open(&bench, Method::GET, &changed).await.text().await.unwrap();
    let elsewhere = url.replace("/api/recordings/file/", "/api/nowhere/");
    let nowhere = open(&bench, Method::GET, &elsewhere).await.text().await.unwrap();
    let metrics = bench.get("/metrics").await.text().await.unwrap();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.matches("answered").count() >= 4, "it was listened to");
    // The client of this test logs too; what it was told to ask for is its own business.
    let log: String = log.lines().filter(|line| !line.contains("reqwest")).collect();
    for text in [problem, nowhere, metrics, log] {
        assert!(!text.contains(signature), "{text}");
    }
}
