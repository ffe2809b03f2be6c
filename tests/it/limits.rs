//! Every bound is reached once: who is beyond hears why and when to come back, it is counted, and landed recordings are
//! served all the same. The bounds of sockets are in `sockets/bounds.rs`; those of time are tested where their clocks are.

mod connections;

use loadtest::twilio::{NewRecording, Recording};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::support::{Bench, Knobs, sign, token, wav};

/// What a listener asks for that is no recording's bytes.
const STATE: &str = "/api/recordings";

async fn with(turn: impl FnOnce(&mut landfall::http::limits::LimitOptions)) -> Limited {
    let mut knobs = Knobs::default();
    turn(&mut knobs.limits);
    let bench = Bench::with(knobs).await;
    let bytes = wav(100_000);
    let landed = bench.placed("wav", &bytes).await;
    let limited = Limited { bench, landed, bytes, agent: token("t", "agent") };
    // The first request opens it.
    limited.hears().await;
    limited
}

/// A server with narrow bounds, and a landed recording that lies open.
struct Limited {
    bench: Bench,
    landed: Recording,
    bytes: Vec<u8>,
    /// The token of one who is known from the start: another second's would be another token.
    agent: String,
}

impl Limited {
    /// Asks as that user, from that address.
    async fn ask(&self, method: Method, path: &str, token: &str, address: &str) -> Response {
        self.bench.request(method, path, token).header("x-forwarded-for", address).send().await.expect("an answer")
    }

    async fn status(&self, path: &str, token: &str, address: &str) -> StatusCode {
        self.ask(Method::GET, path, token, address).await.status()
    }

    fn file(&self) -> String {
        format!("/api/recordings/file/{}", self.landed.call_sid)
    }

    /// Landed recordings are served, by the express way and by the library, and the server says how it is.
    async fn hears(&self) {
        for path in [self.file(), format!("{}?by=library", self.file()), self.file()] {
            let answer = self.ask(Method::GET, &path, &self.agent, HERE).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.bytes().await.expect("a body"), self.bytes, "{path}");
        }
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(self.bench.get(path).await.status(), 200, "{path}");
        }
    }

    async fn counted(&self, limit: &str) -> f64 {
        self.bench.metric(&format!("landfall_limits_total{{limit=\"{limit}\"}}")).await
    }

    /// A recording whose download is under way until the simulator lets go of it.
    async fn held(&self) -> Recording {
        self.bench.registered("t", NewRecording { held: true, ..Default::default() }).await
    }

    async fn prepare(&self, recording: &Recording, token: &str, address: &str) -> Response {
        self.ask(Method::POST, &format!("/api/recordings/{}/prepare", recording.call_sid), token, address).await
    }
}

const HERE: &str = "203.0.113.1";
const THERE: &str = "203.0.113.2";

fn user(name: &str) -> String {
    let exp = landfall::recording::Timestamp::now().seconds() + 3600;
    sign(&json!({"sub": name, "business_id": "t", "exp": exp}))
}

/// The answer of one who is beyond a bound.
async fn refused(answer: Response, status: u16, code: &str, limit: &str) {
    assert_eq!(answer.status(), status);
    let after: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], code);
    assert_eq!(problem["detail"], format!("{limit} is reached"));
    assert!(problem["retry_after_ms"].as_u64().unwrap() <= after * 1000);
}

#[tokio::test]
async fn a_user_who_asks_too_often_waits_and_hears_what_has_landed() {
    let limited = with(|limits| limits.requests_per_minute = 3).await;
    let (often, other) = (token("t", "agent"), user("other"));
    for _ in 0..3 {
        assert_eq!(limited.status(STATE, &often, HERE).await, 200);
    }
    refused(limited.ask(Method::GET, STATE, &often, HERE).await, 429, "too_many_requests", "requests_per_minute").await;
    // What has not landed, or does not exist, counts however it is asked for.
    for sid in [limited.held().await.call_sid, format!("CA{:032x}", 7)] {
        assert_eq!(limited.status(&format!("/api/recordings/file/{sid}"), &often, HERE).await, 429);
    }
    assert_eq!(limited.status(STATE, &other, HERE).await, 200);
    limited.hears().await;
    assert!(limited.counted("requests_per_minute").await >= 3.0);
}

#[tokio::test]
async fn subscribing_over_a_socket_is_asking() {
    let limited = with(|limits| limits.requests_per_minute = 2).await;
    let mut socket = limited.bench.socket().await;
    for _ in 0..2 {
        socket.subscribe(&limited.landed.call_sid, "watch").await;
    }
    socket.say(json!({"type": "subscribe", "id": 3, "sids": [limited.landed.call_sid]})).await;
    assert_eq!(socket.closed().await, 4429);
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits_whoever_it_is() {
    let limited = with(|limits| limits.requests_per_minute_per_address = 2).await;
    for name in ["a", "b"] {
        assert_eq!(limited.status(STATE, &user(name), HERE).await, 200);
    }
    let answer = limited.ask(Method::GET, STATE, &user("c"), HERE).await;
    refused(answer, 429, "too_many_requests", "requests_per_minute_per_address").await;
    assert_eq!(limited.status(STATE, &token("-", "service"), HERE).await, 200, "a back end speaks for all its users");
    assert_eq!(limited.status(STATE, &user("c"), THERE).await, 200);
    assert_eq!(limited.bench.get(STATE).await.status(), 200, "whoever speaks for nobody in the own network");
    limited.hears().await;
    assert_eq!(limited.counted("requests_per_minute_per_address").await, 1.0);
}

#[tokio::test]
async fn downloads_are_counted_by_address_too() {
    let limited = with(|limits| limits.prepares_per_minute_per_address = 1).await;
    let recording = limited.held().await;
    assert_eq!(limited.prepare(&recording, &user("a"), HERE).await.status(), 202);
    let answer = limited.prepare(&recording, &user("b"), HERE).await;
    refused(answer, 429, "too_many_requests", "prepares_per_minute_per_address").await;
    assert_eq!(limited.prepare(&recording, &user("b"), THERE).await.status(), 202);
    limited.hears().await;
    assert_eq!(limited.counted("prepares_per_minute_per_address").await, 1.0);
}

#[tokio::test]
async fn who_guesses_tokens_waits_and_whoever_was_known_there_does_not() {
    let limited = with(|limits| limits.failed_logins_per_minute = 2).await;
    let known = user("known");
    assert_eq!(limited.status(STATE, &known, HERE).await, 200);
    let expired = sign(&json!({"sub": "late", "business_id": "t", "exp": 1000}));
    for guess in [&expired, &expired, "a.b.c", &format!("{}x", user("forged"))] {
        assert_eq!(limited.status(STATE, guess, HERE).await, 401, "an old token is no guess");
    }
    refused(
        limited.ask(Method::GET, STATE, &user("new"), HERE).await,
        429,
        "too_many_requests",
        "failed_logins_per_minute",
    )
    .await;
    assert_eq!(limited.status(STATE, &known, HERE).await, 200);
    assert_eq!(limited.status(STATE, &user("newer"), THERE).await, 200);
    limited.hears().await;
    assert!(limited.counted("failed_logins_per_minute").await >= 1.0);
}

#[tokio::test]
async fn who_guesses_links_waits_and_a_good_link_opens() {
    let limited = with(|limits| limits.failed_logins_per_minute = 2).await;
    let path = format!("/api/recordings/{}/link", limited.landed.call_sid);
    let order = limited.bench.request(Method::POST, &path, &token("t", "agent")).json(&json!({"purpose": "play"}));
    let link: Value = order.send().await.unwrap().json().await.unwrap();
    let link = link["url"].as_str().unwrap();
    let open = async |url: String| {
        limited.bench.client.get(url).header("x-forwarded-for", HERE).send().await.unwrap().status()
    };
    for expected in [403, 403, 429] {
        assert_eq!(open(link.replace("sub=tester", "sub=taster")).await, expected);
    }
    assert_eq!(
        (open(link.to_owned()).await, open(format!("{link}&by=library")).await),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(limited.counted("failed_logins_per_minute").await, 1.0);
}

/// The place is taken by a registration that waits for somebody else's transaction.
#[tokio::test]
async fn when_too_many_need_the_catalog_the_others_are_turned_away_and_what_lies_open_is_served() {
    let limited = with(|limits| limits.requests_at_once = 1).await;
    let (bench, unopened) = (&limited.bench, limited.bench.placed("wav", &limited.bytes).await);
    let url = format!("sqlite://{}", bench.directory.path().join("landfall.db").display());
    let mut lock = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    let new = bench.simulator.add(NewRecording::default());
    let others = async {
        // Long before the registration gives up.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        for path in [STATE.to_owned(), format!("/api/recordings/file/{}", unopened.call_sid)] {
            refused(bench.get(&path).await, 503, "overloaded", "requests_at_once").await;
        }
        limited.hears().await;
        lock.close().await.unwrap();
    };
    let (registered, ()) = tokio::join!(bench.register(&new, json!({"tenant": "t"})), others);
    assert_eq!(registered.status(), 201);
    assert_eq!(bench.get(STATE).await.status(), 200);
    assert_eq!(limited.counted("requests_at_once").await, 2.0);
}

#[tokio::test]
async fn when_too_many_are_held_the_next_is_turned_away_and_what_has_landed_is_served() {
    let limited = with(|limits| limits.waiting_requests = 1).await;
    let recording = limited.held().await;
    let path = format!("/api/recordings/file/{}?wait=30", recording.call_sid);
    let others = async {
        limited.bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
        refused(limited.bench.get(&path).await, 503, "overloaded", "waiting_requests").await;
        limited.hears().await;
        limited.bench.simulator.release(&recording.recording_sid);
    };
    let (held, ()) = tokio::join!(limited.bench.get(&path), others);
    assert_eq!(held.status(), 200);
    assert_eq!(limited.counted("waiting_requests").await, 1.0);
}

/// Three downloads of a tenant are under way at once; the fourth waits, and there is no room for a fifth.
#[tokio::test]
async fn when_too_many_downloads_wait_the_next_play_is_turned_away_and_what_has_landed_is_served() {
    let limited = with(|limits| limits.jobs_waiting = 1).await;
    let agent = token("t", "agent");
    let mut under_way = Vec::new();
    for _ in 0..3 {
        let recording = limited.held().await;
        assert_eq!(limited.prepare(&recording, &agent, HERE).await.status(), 202);
        limited.bench.simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
        under_way.push(recording);
    }
    let (waits, next) = (limited.held().await, limited.held().await);
    assert_eq!(limited.prepare(&waits, &agent, HERE).await.status(), 202);
    refused(limited.prepare(&next, &agent, HERE).await, 503, "overloaded", "jobs_waiting").await;
    refused(
        limited.bench.get(&format!("/api/recordings/file/{}?wait=5", next.call_sid)).await,
        503,
        "overloaded",
        "jobs_waiting",
    )
    .await;
    let mut socket = limited.bench.socket().await;
    let told = socket.subscribe(&next.call_sid, "play").await;
    assert_eq!(told["error"], json!({"code": "overloaded", "temporary": true}));
    limited.hears().await;
    assert_eq!(limited.counted("jobs_waiting").await, 3.0);
    for recording in under_way {
        limited.bench.simulator.release(&recording.recording_sid);
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_counted() {
    let limited = with(|_| {}).await;
    let path = format!("/api/recordings/{}/link", limited.landed.call_sid);
    let order = limited.bench.request(Method::POST, &path, &token("t", "agent")).body(vec![b'x'; 100_000]);
    assert_eq!(order.send().await.unwrap().status(), 413);
    limited.hears().await;
    assert_eq!(limited.counted("body_bytes").await, 1.0);
}

/// What is counted is explained.
#[test]
fn every_label_stands_in_the_table_of_bounds() {
    let page = std::fs::read_to_string("docs/security.md").unwrap();
    let (mut folders, mut labels) = (vec![std::path::PathBuf::from("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let text = text.split("mod tests {").next().unwrap_or_default();
            for before in ["limited(\"", "Buckets::new(\"", "Counts::new(\""] {
                labels.extend(text.split(before).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
    }
    assert!(labels.len() > 15, "{labels:?}");
    for label in labels {
        assert!(page.contains(&format!("| `{label}` |")), "{label}");
    }
}
