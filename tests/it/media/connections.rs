//! What one connection may carry: media at hand go out by a way of their own, and nobody can tell but by the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Landed;
use crate::support::token;

/// One connection, byte by byte.
struct Raw(TcpStream);

impl Raw {
    async fn to(landed: &Landed) -> Self {
        Self(TcpStream::connect(landed.bench.server.as_ref().unwrap().address()).await.unwrap())
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer: its first line, its fields, its body of the length it tells.
    async fn answer(&mut self) -> (String, BTreeMap<String, String>, Vec<u8>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(Duration::from_secs(10), self.0.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().to_owned();
        let fields: BTreeMap<_, _> = lines.map(|line| line.split_once(": ").unwrap()).map(own).collect();
        let mut body = vec![0; fields.get("content-length").map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.unwrap();
        (status, fields, body)
    }

    async fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }
}

fn own((name, value): (&str, &str)) -> (String, String) {
    (name.to_ascii_lowercase(), value.to_owned())
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{more}\r\n", token("t", "agent"))
}

fn get_by_link(target: &str, more: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: x\r\n{more}\r\n")
}

/// Path and query of a link.
async fn link(landed: &Landed, purpose: &str) -> String {
    let path = format!("/api/recordings/{}/link", landed.recording.call_sid);
    let order = landed.bench.request(reqwest::Method::POST, &path, &token("t", "agent"));
    let answer = order.json(&serde_json::json!({"purpose": purpose})).send().await.unwrap();
    let told: serde_json::Value = answer.json().await.unwrap();
    told["url"].as_str().unwrap().strip_prefix(&landed.bench.url).unwrap().to_owned()
}

/// As a request, and with a query that nobody knows, which leads by the usual way.
async fn by_both_ways(raw: &mut Raw, path: &str, more: &str) -> [(String, BTreeMap<String, String>, Vec<u8>); 2] {
    both(raw, [get(path, more), get(&format!("{path}?by=library"), more)]).await
}

async fn both(raw: &mut Raw, requests: [String; 2]) -> [(String, BTreeMap<String, String>, Vec<u8>); 2] {
    let mut answers = Vec::new();
    for request in requests {
        raw.send(&request).await;
        let mut answer = raw.answer().await;
        for changing in ["x-request-id", "date"] {
            assert!(answer.1.remove(changing).is_some_and(|value| !value.is_empty()), "{changing}");
        }
        answers.push(answer);
    }
    answers.try_into().unwrap()
}

#[tokio::test]
async fn both_ways_say_the_same() {
    let landed = Landed::of(300_000).await;
    let mut raw = Raw::to(&landed).await;
    // The first request opens the recording.
    let [(_, fields, _), _] = by_both_ways(&mut raw, &landed.path(), "").await;
    let (etag, modified) = (&fields["etag"], &fields["last-modified"]);
    let origin = &landed.bench.url;
    for more in [
        String::new(),
        "range: bytes=0-\r\n".into(),
        "Range: bytes=1000-65999\r\n".into(),
        "range: bytes=-100\r\n".into(),
        "range: bytes=0-0,-1\r\n".into(),
        "range: bytes=300000-\r\n".into(),
        "range: lines=1-2\r\n".into(),
        "connection: keep-alive\r\nrange: bytes=3-9\r\n".into(),
        "connection: Keep-Alive, x-hop\r\nx-hop: 1\r\nrange: bytes=3-9\r\n".into(),
        format!("range: bytes=5-9\r\nif-range: {etag}\r\n"),
        format!("range: bytes=5-9\r\nif-range: {modified}\r\n"),
        "range: bytes=5-9\r\nif-range: \"other\"\r\n".into(),
        format!("if-none-match: {etag}\r\n"),
        "if-match: \"other\"\r\n".into(),
        format!("origin: {origin}\r\nrange: bytes=7-8\r\n"),
        "origin: https://elsewhere.example\r\nrange: bytes=7-8\r\n".into(),
    ] {
        let [mut express, mut library] = by_both_ways(&mut raw, &landed.path(), &more).await;
        let kind = express.1.get("content-type").cloned().unwrap_or_default();
        if kind.starts_with("multipart/") || kind == "application/problem+json" {
            // Each has a boundary, or tells an id, of its own.
            for answer in [&mut express, &mut library] {
                answer.2.clear();
                answer.1.remove("content-type");
            }
        }
        assert_eq!(express, library, "{more}");
    }
}

#[tokio::test]
async fn both_ways_open_the_same_links_and_refuse_the_same() {
    let landed = Landed::of(300_000).await;
    let mut raw = Raw::to(&landed).await;
    let (good, download) = (link(&landed, "play").await, link(&landed, "download").await);
    raw.send(&get_by_link(&good, "")).await;
    assert_eq!(raw.answer().await.2, landed.bytes);
    let other_purpose = format!("{}?{}", landed.path(), download.split_once('?').unwrap().1);
    let origin = format!("origin: {}\r\n", landed.bench.url);
    for (target, more, status) in [
        (&good, "", "200"),
        (&good, "range: bytes=1000-65999\r\n", "206"),
        (&good, "authorization: Bearer rubbish\r\nrange: bytes=0-\r\n", "206"),
        (&good, &*origin, "200"),
        (&good.replace("sub=tester", "sub=taster"), "", "403"),
        (&good.replace("sub=tester", "sub=tester&sub=tester"), "", "403"),
        (&format!("{good}0"), "", "403"),
        (&other_purpose, "", "403"),
    ] {
        let by_library = get_by_link(&format!("{target}&by=library"), more);
        let [mut express, mut library] = both(&mut raw, [get_by_link(target, more), by_library]).await;
        assert!(express.0.contains(status), "{}", express.0);
        assert_eq!(express.1["referrer-policy"], "no-referrer");
        if status == "403" {
            // Each tells an id of its own.
            express.2.clear();
            library.2.clear();
        }
        assert_eq!(express, library, "{target} {more}");
    }
}

#[tokio::test]
async fn a_proxys_request_id_is_told_by_both_ways() {
    let landed = Landed::of(100_000).await;
    let mut raw = Raw::to(&landed).await;
    for path in [landed.path(), landed.path(), format!("{}?by=library", landed.path())] {
        raw.send(&get(&path, "x-request-id: from-the-proxy.7\r\n")).await;
        assert_eq!(raw.answer().await.1["x-request-id"], "from-the-proxy.7");
    }
}

#[tokio::test]
async fn media_and_other_requests_take_turns_on_a_connection() {
    let landed = Landed::of(300_000).await;
    let mut raw = Raw::to(&landed).await;
    let state = format!("/api/recordings/{}", landed.recording.call_sid);
    for turn in 0..5 {
        let from = turn * 1000;
        raw.send(&get(&landed.path(), &format!("range: bytes={from}-{}\r\n", from + 9))).await;
        assert_eq!(raw.answer().await.2, landed.bytes[from..from + 10]);
        raw.send(&get(&state, "")).await;
        assert!(raw.answer().await.0.contains("200"));
    }
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_their_order() {
    let landed = Landed::of(300_000).await;
    let mut raw = Raw::to(&landed).await;
    let range = |n: usize| get(&landed.path(), &format!("range: bytes={n}-{}\r\n", n + 99));
    raw.send(&range(0)).await;
    raw.answer().await;
    raw.send(&(range(10) + &get("/healthz", "") + &range(20) + &range(30)[..40])).await;
    assert_eq!(raw.answer().await.2, landed.bytes[10..110]);
    assert!(raw.answer().await.0.contains("200"));
    assert_eq!(raw.answer().await.2, landed.bytes[20..120]);
    raw.send(&range(30)[40..]).await;
    assert_eq!(raw.answer().await.2, landed.bytes[30..130]);
}

#[tokio::test]
async fn a_head_in_pieces_is_a_head() {
    let landed = Landed::of(100_000).await;
    let mut raw = Raw::to(&landed).await;
    let request = get(&landed.path(), "range: bytes=0-9\r\n");
    for _ in 0..2 {
        for piece in request.as_bytes().chunks(50) {
            raw.send(std::str::from_utf8(piece).unwrap()).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(raw.answer().await.2, landed.bytes[..10]);
    }
}

/// What a body says must never be taken for a request.
#[tokio::test]
async fn a_body_is_no_request() {
    let landed = Landed::of(100_000).await;
    let mut raw = Raw::to(&landed).await;
    raw.send(&get(&landed.path(), "")).await;
    raw.answer().await;
    let hidden = get(&landed.path(), "");
    let length = format!("content-length: {}\r\n", hidden.len());
    raw.send(&(get(&landed.path(), &length) + &hidden)).await;
    assert_eq!(raw.answer().await.2, landed.bytes);
    raw.send(&get("/healthz", "")).await;
    assert_eq!(raw.answer().await.1["content-type"], "text/plain; charset=utf-8", "the next answer is the next one's");
    // Sent late, as well.
    raw.send(&get(&landed.path(), &length)).await;
    raw.send(&hidden).await;
    assert_eq!(raw.answer().await.2, landed.bytes);
    raw.send(&get("/healthz", "connection: close\r\n")).await;
    assert_eq!(raw.answer().await.1["content-type"], "text/plain; charset=utf-8");
    assert!(raw.is_closed().await);
}

fn post(fields: &str, body: &str) -> String {
    let bearer = token("-", "service");
    format!(
        "POST /internal/landed HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ncontent-type: application/json\r\n{fields}\r\n{body}"
    )
}

#[tokio::test]
async fn media_follow_a_request_whose_body_was_read_to_its_end() {
    let landed = Landed::of(100_000).await;
    let mut raw = Raw::to(&landed).await;
    let body = r#"{"sids":[]}"#;
    let with_length = post(&format!("content-length: {}\r\n", body.len()), body);
    let chunked =
        post("transfer-encoding: chunked\r\n", &format!("{:x}\r\n{body}\r\n0\r\nx-trailer: 1\r\n\r\n", body.len()));
    for (n, request) in [&with_length, &chunked, &with_length].into_iter().enumerate() {
        // One after the other, then both at once.
        raw.send(request).await;
        assert!(raw.answer().await.0.contains("204"));
        let media = |from: usize| get(&landed.path(), &format!("range: bytes={from}-{}\r\n", from + 9));
        raw.send(&media(n)).await;
        assert_eq!(raw.answer().await.2, landed.bytes[n..n + 10]);
        raw.send(&(request.clone() + &media(n + 50))).await;
        assert!(raw.answer().await.0.contains("204"));
        assert_eq!(raw.answer().await.2, landed.bytes[n + 50..n + 60]);
    }
    raw.send(&post(&format!("connection: close\r\ncontent-length: {}\r\n", body.len()), body)).await;
    assert!(raw.answer().await.0.contains("204"));
    assert!(raw.is_closed().await);
}

/// More than the library reads at once, and more than it answers in one go.
#[tokio::test]
async fn whatever_is_sent_behind_a_large_body_is_answered() {
    let landed = Landed::of(100_000).await;
    let mut raw = Raw::to(&landed).await;
    let body = format!(r#"{{"sids":[],"more":"{}"}}"#, "x".repeat(60_000));
    let mut requests = post(&format!("content-length: {}\r\n", body.len()), &body);
    for n in 0..60 {
        requests += &get("/healthz", &format!("x-request-id: number-{n}\r\nx-more: {}\r\n", "y".repeat(300)));
    }
    raw.send(&requests).await;
    assert!(raw.answer().await.0.contains("204"));
    for n in 0..60 {
        assert_eq!(raw.answer().await.1["x-request-id"], format!("number-{n}"));
    }
}

#[tokio::test]
async fn a_connection_that_carried_media_can_become_a_socket() {
    let landed = Landed::of(100_000).await;
    let mut raw = Raw::to(&landed).await;
    for _ in 0..2 {
        raw.send(&get(&landed.path(), "range: bytes=0-9\r\n")).await;
        assert_eq!(raw.answer().await.2, landed.bytes[..10]);
    }
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: landfall.v1\r\n";
    raw.send(&get("/ws/recordings", upgrade)).await;
    let (status, fields, _) = raw.answer().await;
    assert!(status.contains("101"), "{status}");
    assert_eq!(fields["sec-websocket-protocol"], "landfall.v1");
    // The first frame of the protocol: a short text.
    assert_eq!(raw.0.read_u8().await.unwrap(), 0x81);
}

#[tokio::test]
async fn who_may_not_hear_it_does_not_hear_it_by_either_way() {
    let landed = Landed::of(100_000).await;
    let mut raw = Raw::to(&landed).await;
    raw.send(&get(&landed.path(), "")).await;
    raw.answer().await;
    for (bearer, status) in [(token("u", "agent"), "404"), ("rubbish".into(), "401"), (String::new(), "401")] {
        let path = landed.path();
        for _ in 0..2 {
            raw.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\r\n")).await;
            let told = raw.answer().await.0;
            assert!(told.contains(status), "{told}");
        }
    }
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_a_problem_like_any_other() {
    let landed = Landed::of(100_000).await;
    let many = "x: y\r\n".repeat(150);
    let cases = [
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000)), 414, "uri_too_long"),
        (get(&landed.path(), &many), 431, "headers_too_large"),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n".into(), 400, "bad_request"),
        (
            format!("POST {} HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", landed.path()),
            400,
            "bad_request",
        ),
    ];
    for (head, status, code) in cases {
        for is_first in [true, false] {
            let mut raw = Raw::to(&landed).await;
            if !is_first {
                raw.send(&get(&format!("{}?by=library", landed.path()), "range: bytes=0-9\r\n")).await;
                assert_eq!(raw.answer().await.2, landed.bytes[..10]);
            }
            raw.send(&head).await;
            let (line, fields, body) = raw.answer().await;
            assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line}");
            assert_eq!(fields["content-type"], "application/problem+json");
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()));
            assert_eq!(problem["request_id"], fields["x-request-id"]);
            assert!(raw.is_closed().await);
        }
    }
}
