//! Server-Sent Events: the sockets' messages, for those who cannot open a socket.

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Bench, Knobs, sign, token};

/// A stream of events, read as a browser reads it.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(bench: &Bench, query: &str) -> Self {
        let response = bench.get(&format!("/api/recordings/events?{query}")).await;
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next block, comments included; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(40), self.response.chunk()).await.expect("in time");
            self.text.push_str(std::str::from_utf8(&chunk.expect("a stream that is not cut")?).expect("UTF-8"));
        }
    }

    /// The next event. Its name is the message's type.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            if let Some(data) = field("data") {
                let message: Value = serde_json::from_str(data).expect("JSON");
                assert_eq!(message["type"].as_str(), field("event"));
                return Some(message);
            }
            assert!(block.starts_with(':'), "{block}");
        }
    }

    async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.expect("an open stream");
            if message["type"] == kind {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn a_stream_opens_with_welcome_and_the_state_of_each_recording_in_order() {
    let bench = Bench::start().await;
    let landed = bench.landed(Default::default()).await;
    let fresh = bench.registered("t", Default::default()).await;
    let others = bench.registered("other", Default::default()).await;
    let unknown = format!("RE{:032x}", 1);
    let query = format!("sid={unknown}&sid={}&sid={}&sid={}", landed.call_sid, others.call_sid, fresh.call_sid);
    let mut events = Events::open(&bench, &query).await;
    let welcome = events.next().await.unwrap();
    assert_eq!(welcome["type"], "welcome");
    let mut socket = bench.socket().await;
    for refused in [&unknown, &others.call_sid] {
        if *refused == others.call_sid {
            let ready = events.next().await.unwrap();
            let by_socket = socket.subscribe(&landed.call_sid, "watch").await;
            assert_eq!((&ready["type"], &ready["sid"]), (&json!("ready"), &json!(landed.call_sid)));
            assert_eq!((&ready["v"], &ready["etag"]), (&by_socket["v"], &by_socket["etag"]));
        }
        let error = events.next().await.unwrap();
        assert_eq!((&error["type"], &error["sid"]), (&json!("error"), &json!(refused)));
        assert_eq!(error["code"], "not_found", "another tenant's is as one that does not exist");
    }
    let state = events.next().await.unwrap();
    assert_eq!((&state["type"], &state["state"]), (&json!("state"), &json!("unknown")));
    assert_eq!(bench.simulator.stats(&fresh.recording_sid), Default::default(), "watching starts nothing");
}

#[tokio::test]
async fn changes_follow_until_ready() {
    let bench = Bench::start().await;
    let faults = Some(Faults { bytes_per_second: 300_000, ..Default::default() });
    let recording = bench.registered("t", NewRecording { seconds: 150.0, faults, ..Default::default() }).await;
    let mut watcher = Events::open(&bench, &format!("sid={}", recording.call_sid)).await;
    let mut player = Events::open(&bench, &format!("sid={}&intent=play", recording.call_sid)).await;
    let mut last = watcher.until("state").await["v"].as_u64().unwrap();
    let mut progressed = false;
    let ready = loop {
        let message = watcher.next().await.unwrap();
        if message["type"] == "progress" {
            progressed |= message["received"].as_u64().unwrap() > 0;
            continue;
        }
        assert!(message["v"].as_u64().unwrap() > last, "{message}");
        last = message["v"].as_u64().unwrap();
        if message["type"] == "ready" {
            break message;
        }
    };
    assert!(progressed);
    assert_eq!(player.until("ready").await, ready);
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn failure_is_told_and_a_new_stream_opens_with_it() {
    let bench = Bench::start().await;
    let faults = Some(Faults { forbidden: true, ..Default::default() });
    let recording = bench.registered("t", NewRecording { faults, ..Default::default() }).await;
    let failed = Events::open(&bench, &format!("sid={}&intent=play", recording.call_sid)).await.until("failed").await;
    assert_eq!(failed["code"], "source_unauthorized");
    let mut again = Events::open(&bench, &format!("sid={}", recording.call_sid)).await;
    again.until("welcome").await;
    assert_eq!(again.next().await.unwrap(), failed);
}

#[tokio::test]
async fn a_query_that_names_nothing_or_nonsense_is_a_bad_request() {
    let bench = Bench::start().await;
    let sid = format!("CA{:032x}", 1);
    let bad = [("", "bad_query"), ("sid=", "bad_sid"), ("sid=CA12", "bad_sid"), ("intent=play", "bad_query")];
    let bad = bad.map(|(query, code)| (query.to_owned(), code));
    for (query, code) in bad.into_iter().chain([(format!("sid={sid}&intent=steal"), "bad_query")]) {
        let answer = bench.get(&format!("/api/recordings/events?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code, "{query}");
    }
}

#[tokio::test]
async fn a_stream_needs_a_token_and_takes_the_cookie() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let url = format!("{}/api/recordings/events?sid={}", bench.url, recording.call_sid);
    assert_eq!(bench.client.get(&url).send().await.unwrap().status(), 401);
    let cookie = format!("landfall_session={}", token("t", "agent"));
    let answer = bench.client.get(&url).header("cookie", cookie).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn streams_have_the_bounds_of_sockets() {
    let mut knobs = Knobs::default();
    (knobs.limits.sids_per_socket, knobs.limits.sockets_per_user) = (2, 1);
    let bench = Bench::with(knobs).await;
    let recording = bench.registered("t", Default::default()).await;
    let one = format!("sid={}", recording.call_sid);
    let three = format!("/api/recordings/events?{one}&sid=CA{:032x}&sid=CA{:032x}", 1, 2);
    let answer = bench.get(&three).await;
    assert_eq!(answer.status(), 429);
    assert!(!answer.headers().contains_key("retry-after"), "the same would be refused again");
    let first = Events::open(&bench, &one).await;
    let second = bench.get(&format!("/api/recordings/events?{one}")).await;
    assert_eq!(second.status(), 429);
    assert!(second.headers().contains_key("retry-after"));
    drop(first);
    // The server notices the end of the first connection in its own time.
    while bench.get(&format!("/api/recordings/events?{one}")).await.status() != 200 {}
}

#[tokio::test]
async fn plays_beyond_those_of_a_minute_are_refused_one_by_one() {
    let mut knobs = Knobs::default();
    knobs.limits.prepares_per_minute = 1;
    let bench = Bench::with(knobs).await;
    let held = || NewRecording { held: true, ..Default::default() };
    let (first, second) = (bench.registered("t", held()).await, bench.registered("t", held()).await);
    let query = format!("sid={}&sid={}&intent=play", first.call_sid, second.call_sid);
    let mut events = Events::open(&bench, &query).await;
    let error = events.until("error").await;
    assert_eq!((&error["sid"], &error["code"]), (&json!(second.call_sid), &json!("too_many_requests")));
    bench.simulator.release(&first.recording_sid);
    assert_eq!(events.until("ready").await["sid"], first.call_sid);
}

#[tokio::test]
async fn an_idle_stream_is_kept_alive_with_comments() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut events = Events::open(&bench, &format!("sid={}", recording.call_sid)).await;
    events.until("state").await;
    let comment = events.block().await.unwrap();
    assert!(comment.starts_with(':'), "{comment}");
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let bench = Bench::start().await;
    let exp = landfall::recording::Timestamp::now().seconds() - 28;
    let token = sign(&json!({"sub": "tester", "business_id": "t", "exp": exp}));
    let recording = bench.registered("t", Default::default()).await;
    let path = format!("/api/recordings/events?sid={}", recording.call_sid);
    let response = bench.request(reqwest::Method::GET, &path, &token).send().await.unwrap();
    let mut events = Events { response, text: String::new() };
    assert_eq!(events.until("error").await["code"], "token_expired");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_ends_the_stream() {
    let mut bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut events = Events::open(&bench, &format!("sid={}", recording.call_sid)).await;
    events.until("state").await;
    let (_, drain) = tokio::join!(bench.stop(), async { (events.until("drain").await, events.next().await) });
    assert!(drain.0["reconnect_in_ms"].is_u64());
    assert_eq!(drain.1, None);
}
