//! Each bound, and what happens beyond it.

use loadtest::twilio::{Faults, NewRecording};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{Bench, Knobs, Socket, sign, token};

fn with(turn: impl FnOnce(&mut Knobs)) -> Knobs {
    let mut knobs = Knobs::default();
    turn(&mut knobs);
    knobs
}

fn user(name: &str) -> String {
    let exp = landfall::recording::Timestamp::now().seconds() + 3600;
    sign(&json!({"sub": name, "business_id": "t", "exp": exp}))
}

async fn knock(bench: &Bench, token: &str) -> Socket {
    Socket::open(&bench.url, &["landfall.v1", &format!("landfall.bearer.{token}")]).await
}

#[tokio::test]
async fn a_message_of_the_longest_length_is_read_and_a_longer_one_closes_with_1009() {
    let bench = Bench::start().await;
    let mut socket = bench.socket().await;
    socket.send(Message::text(format!("{:<16384}", r#"{"type":"ping"}"#))).await;
    assert_eq!(socket.next().await, json!({"type": "pong"}));
    for length in [16_385, 100_000, 2_000_000] {
        let mut socket = bench.socket().await;
        // The server hangs up while we are still sending.
        let _ = socket.try_send(Message::text(" ".repeat(length))).await;
        assert_eq!(socket.closed().await, 1009, "{length} bytes");
    }
    let mut hello = Socket::open(&bench.url, &["landfall.v1"]).await;
    hello.send(Message::text(" ".repeat(20_000))).await;
    assert_eq!(hello.closed().await, 1009, "before the hello, too");
}

#[tokio::test]
async fn a_socket_watches_so_many_recordings_and_one_more_closes_with_4429() {
    let bench = Bench::with(with(|knobs| knobs.limits.sids_per_socket = 2)).await;
    let mut sids = Vec::new();
    for _ in 0..3 {
        sids.push(bench.registered("t", Default::default()).await.call_sid);
    }
    let mut socket = bench.socket().await;
    socket.say(json!({"type": "subscribe", "id": 1, "sids": [sids[0], sids[0], sids[1]]})).await;
    socket.until("subscribed").await;
    assert_eq!(socket.subscribe(&sids[1], "watch").await["state"], "unknown", "it is watched already");
    socket.say(json!({"type": "unsubscribe", "id": 2, "sids": [sids[0]]})).await;
    assert_eq!(socket.subscribe(&sids[2], "watch").await["state"], "unknown", "there was room again");
    socket.say(json!({"type": "subscribe", "id": 3, "sids": [sids[0]]})).await;
    assert_eq!(socket.closed().await, 4429);
}

#[tokio::test]
async fn a_user_has_so_many_sockets_and_one_more_closes_with_4429() {
    let bench = Bench::with(with(|knobs| knobs.limits.sockets_per_user = 2)).await;
    let first = bench.socket_of(&user("a")).await;
    let _second = bench.socket_of(&user("a")).await;
    assert_eq!(knock(&bench, &user("a")).await.closed().await, 4429);
    let _other = bench.socket_of(&user("b")).await;
    drop(first);
    // The server notices the end of the first connection in its own time.
    loop {
        let mut socket = knock(&bench, &user("a")).await;
        if matches!(socket.frame().await, Message::Text(_)) {
            break;
        }
    }
}

#[tokio::test]
async fn an_address_has_so_many_sockets_and_one_more_closes_with_4429() {
    let bench = Bench::with(with(|knobs| knobs.limits.sockets_per_address = 2)).await;
    let _held = [bench.socket_of(&user("a")).await, bench.socket_of(&user("b")).await];
    assert_eq!(knock(&bench, &user("c")).await.closed().await, 4429);
    let answer = bench.get(&format!("/api/recordings/events?sid=CA{:032x}", 1)).await;
    assert_eq!(answer.status(), 429, "event streams count, too");
}

#[tokio::test]
async fn plays_beyond_those_of_a_minute_are_refused_one_by_one() {
    let bench = Bench::with(with(|knobs| knobs.limits.prepares_per_minute = 2)).await;
    let mut sids = Vec::new();
    for _ in 0..3 {
        sids.push(bench.registered("t", NewRecording { held: true, ..Default::default() }).await.call_sid);
    }
    let mut socket = bench.socket().await;
    socket.say(json!({"type": "subscribe", "id": 1, "sids": sids, "intent": "play"})).await;
    let answer = socket.until("subscribed").await;
    let refused = json!({"sid": sids[2], "error": {"code": "too_many_requests", "temporary": true}});
    assert_eq!(answer["recordings"][2], refused);
    assert!(answer["recordings"][1]["error"].is_null());
    assert_eq!(socket.subscribe(&sids[2], "watch").await["state"], "unknown", "watching is not counted");
}

/// The client takes the first bytes and then never reads again, while thousands of changes come.
#[tokio::test]
async fn a_client_that_does_not_keep_up_is_let_go_and_nobody_else_waits_for_it() {
    let bench = Bench::with(with(|knobs| knobs.limits.prepares_per_minute = 1_000_000)).await;
    bench.simulator.set_global_faults(Faults { unauthorized: true, ..Default::default() });
    // Control characters take six bytes each in JSON: a change of state is some 24 kB long.
    let long = "\u{1}".repeat(1000);
    let about = json!({"tenant": "t", "from": long, "to": long, "direction": long, "title": long});
    let mut sids = Vec::new();
    for _ in 0..40 {
        let recording = bench.simulator.add(NewRecording::default());
        assert_eq!(bench.register(&recording, about.clone()).await.status(), 201);
        sids.push(recording.call_sid);
    }
    let connection = TcpSocket::new_v4().unwrap();
    connection.set_recv_buffer_size(4096).unwrap();
    let connection = connection.connect(bench.url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    let mut request = format!("{}/ws/recordings", bench.url.replace("http", "ws")).into_client_request().unwrap();
    let protocols = format!("landfall.v1, landfall.bearer.{}", token("t", "agent"));
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (mut deaf, _) = tokio_tungstenite::client_async(request, connection).await.unwrap();
    let subscribe = json!({"type": "subscribe", "id": 1, "sids": sids});
    futures_util::SinkExt::send(&mut deaf, Message::text(subscribe.to_string())).await.unwrap();
    let mut player = bench.socket().await;
    let slow = "landfall_websocket_closed_total{code=\"4503\"}";
    let begun = tokio::time::Instant::now();
    while bench.metric(slow).await == 0.0 {
        assert!(begun.elapsed().as_secs() < 60, "it was never let go");
        player.say(json!({"type": "subscribe", "id": 2, "sids": sids, "intent": "play"})).await;
        player.until("subscribed").await;
        let mut failed = std::collections::HashSet::new();
        while failed.len() < sids.len() {
            failed.insert(player.until("failed").await["sid"].to_string());
        }
    }
    assert_eq!(bench.metric("landfall_websocket_connections").await, 1.0);
    assert_eq!(bench.metric("landfall_subscriptions").await, sids.len() as f64);
    assert_eq!(player.pushed().await.iter().filter(|m| m["type"] == "ready").collect::<Vec<&Value>>().len(), 0);
}
