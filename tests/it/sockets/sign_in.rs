//! Who may open a socket, and how they say who they are.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Bench, Socket, sign, token};

const PROTOCOL: &str = "landfall.v1";

fn bearer(token: &str) -> String {
    format!("landfall.bearer.{token}")
}

#[tokio::test]
async fn welcome_names_epoch_ping_and_bound_and_the_token_is_never_echoed() {
    let bench = Bench::start().await;
    let bearer = bearer(&token("t", "agent"));
    let (mut socket, fields) = Socket::connect(&bench.url, &[PROTOCOL, &bearer], &[]).await.unwrap();
    assert_eq!(fields["sec-websocket-protocol"], PROTOCOL);
    assert!(!format!("{fields:?}").contains(&bearer));
    let welcome = socket.next().await;
    assert_eq!(
        welcome,
        json!({"type": "welcome", "epoch": welcome["epoch"], "ping_ms": 25_000, "max_sids": 256}),
        "and nothing else"
    );
    assert!(!welcome["epoch"].as_str().unwrap().is_empty());
    let mut other = bench.socket().await;
    let recording = bench.registered("t", Default::default()).await;
    assert_eq!(other.subscribe(&recording.call_sid, "watch").await["state"], "unknown");
}

#[tokio::test]
async fn a_token_comes_by_subprotocol_cookie_header_or_hello() {
    let bench = Bench::start().await;
    let token = token("t", "agent");
    let (bearer, cookie) = (bearer(&token), format!("theme=dark; landfall_session={token}; x=1"));
    let header = format!("Bearer {token}");
    let welcomed = async |protocols: &[&str], headers: &[(&'static str, &str)]| {
        let mut socket = Socket::open_with(&bench.url, protocols, headers).await;
        assert_eq!(socket.next().await["type"], "welcome", "{protocols:?} {headers:?}");
    };
    welcomed(&[PROTOCOL, &bearer], &[]).await;
    welcomed(&[&bearer, PROTOCOL], &[]).await;
    welcomed(&[PROTOCOL], &[("cookie", &cookie)]).await;
    welcomed(&[PROTOCOL], &[("authorization", &header)]).await;
    let mut socket = Socket::open(&bench.url, &[PROTOCOL]).await;
    socket.say(json!({"type": "hello", "token": token})).await;
    assert_eq!(socket.next().await["type"], "welcome");
}

#[tokio::test]
async fn a_bad_token_closes_with_4401_wherever_it_came_from() {
    let bench = Bench::start().await;
    let now = landfall::recording::Timestamp::now().seconds();
    let expired = sign(&json!({"sub": "u", "business_id": "t", "exp": now - 31}));
    let early = sign(&json!({"sub": "u", "business_id": "t", "exp": now + 100, "nbf": now + 90}));
    let nobodys = sign(&json!({"sub": "u", "exp": now + 100}));
    let endless = sign(&json!({"sub": "u", "business_id": "t"}));
    for bad in ["x", "a.b.c", &expired, &early, &nobodys, &endless] {
        let (bearer, cookie) = (bearer(bad), format!("landfall_session={bad}"));
        let header = format!("Bearer {bad}");
        let by_protocol = Socket::open(&bench.url, &[PROTOCOL, &bearer]).await;
        assert_eq!(by_protocol.closed().await, 4401, "subprotocol {bad}");
        let by_cookie = Socket::open_with(&bench.url, &[PROTOCOL], &[("cookie", &cookie)]).await;
        assert_eq!(by_cookie.closed().await, 4401, "cookie {bad}");
        let by_header = Socket::open_with(&bench.url, &[PROTOCOL], &[("authorization", &header)]).await;
        assert_eq!(by_header.closed().await, 4401, "header {bad}");
        let mut by_hello = Socket::open(&bench.url, &[PROTOCOL]).await;
        by_hello.say(json!({"type": "hello", "token": bad})).await;
        assert_eq!(by_hello.closed().await, 4401, "hello {bad}");
    }
}

#[tokio::test]
async fn a_token_in_the_url_counts_for_nothing() {
    let bench = Bench::start().await;
    let url = format!("{}/ws/recordings?token={}&x=", bench.url, token("t", "agent"));
    let (mut socket, _) = Socket::connect_to(&url, &[PROTOCOL], &[]).await.unwrap();
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.closed().await, 4400, "the first message must be a hello");
}

#[tokio::test]
async fn without_the_subprotocol_it_closes_with_4406() {
    let bench = Bench::start().await;
    let header = format!("Bearer {}", token("t", "agent"));
    let socket = Socket::open_with(&bench.url, &[], &[("authorization", &header)]).await;
    assert_eq!(socket.closed().await, 4406);
}

#[tokio::test]
async fn a_foreign_or_null_origin_is_refused_before_the_upgrade() {
    let bench = Bench::start().await;
    let bearer = bearer(&token("t", "agent"));
    for origin in ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example", ""] {
        let refused = Socket::connect(&bench.url, &[PROTOCOL, &bearer], &[("origin", origin)]).await;
        let answer = refused.err().unwrap_or_else(|| panic!("{origin} got in"));
        assert_eq!(answer.status(), 403, "{origin}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    let own =
        Socket::open_with(&bench.url, &[PROTOCOL, &bearer], &[("origin", "https://app.example")]).await.next().await;
    assert_eq!(own["type"], "welcome");
    let none = Socket::open(&bench.url, &[PROTOCOL, &bearer]).await.next().await;
    assert_eq!(none["type"], "welcome", "no Origin: it is not a browser");
}

#[tokio::test]
async fn who_says_no_hello_in_five_seconds_is_closed_with_4408() {
    let bench = Bench::start().await;
    let begun = tokio::time::Instant::now();
    assert_eq!(Socket::open(&bench.url, &[PROTOCOL]).await.closed().await, 4408);
    let took = begun.elapsed().as_secs_f64();
    assert!((4.9..8.0).contains(&took), "{took}");
}

#[tokio::test]
async fn what_comes_before_the_hello_is_a_bad_message() {
    let bench = Bench::start().await;
    let subscribe = json!({"type": "subscribe", "id": 1, "sids": []}).to_string();
    for first in [Message::text(subscribe), Message::text("{"), Message::binary(vec![1, 2, 3])] {
        let mut socket = Socket::open(&bench.url, &[PROTOCOL]).await;
        socket.send(first).await;
        assert_eq!(socket.closed().await, 4400);
    }
}

#[tokio::test]
async fn a_plain_get_of_the_sockets_route_is_told_what_it_is() {
    let bench = Bench::start().await;
    let answer = bench.get("/ws/recordings").await;
    assert_eq!(answer.status(), 426);
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "not_websocket");
}
