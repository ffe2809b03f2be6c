//! What a client says, and what it is answered.

use loadtest::twilio::NewRecording;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{Bench, sign, token};

fn held() -> NewRecording {
    NewRecording { held: true, ..Default::default() }
}

#[tokio::test]
async fn the_answer_carries_a_state_or_an_error_for_each_sid_in_order() {
    let bench = Bench::start().await;
    let landed = bench.landed(Default::default()).await;
    let fresh = bench.registered("t", Default::default()).await;
    let others = bench.registered("other", Default::default()).await;
    let (unknown, malformed) = (format!("CA{:032x}", 1), "CAxyz".to_owned());
    let mut socket = bench.socket().await;
    let sids = [&unknown, &landed.call_sid, &malformed, &others.call_sid, &fresh.call_sid, &landed.recording_sid];
    socket.say(json!({"type": "subscribe", "id": 7, "sids": sids, "intent": "watch"})).await;
    let answer = socket.next().await;
    assert_eq!((&answer["type"], &answer["id"]), (&json!("subscribed"), &json!(7)));
    let entries = answer["recordings"].as_array().unwrap();
    let told: Vec<&Value> = entries.iter().map(|entry| &entry["sid"]).collect();
    assert_eq!(json!(told), json!(sids));
    let nothing = json!({"code": "not_found", "temporary": false});
    assert_eq!(entries[0], json!({"sid": unknown, "error": nothing}));
    assert_eq!(entries[3], json!({"sid": others.call_sid, "error": nothing}), "as if it did not exist");
    assert_eq!(entries[2]["error"]["temporary"], false);
    assert_eq!(entries[2]["error"]["code"], "bad_sid");
    assert_eq!((&entries[1]["state"], &entries[4]["state"]), (&json!("ready"), &json!("unknown")));
    let (by_call, by_name) = (&entries[1], &entries[5]);
    for same in ["call_sid", "recording_sid", "v", "state", "size", "etag", "duration_ms", "channels"] {
        assert_eq!(by_call[same], by_name[same], "{same}");
        assert!(!by_call[same].is_null(), "{same}");
    }
    assert_eq!(by_name["url"], format!("{}/api/recordings/file/{}", bench.url, landed.recording_sid));
}

#[tokio::test]
async fn watching_starts_nothing() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut socket = bench.socket().await;
    socket.say(json!({"type": "subscribe", "id": 1, "sids": [recording.call_sid]})).await;
    assert_eq!(socket.until("subscribed").await["recordings"][0]["state"], "unknown", "watch is the default");
    assert_eq!(socket.subscribe(&recording.call_sid, "watch").await["state"], "unknown");
    assert_eq!(socket.pushed().await, Vec::<Value>::new());
    assert_eq!(bench.metric("landfall_jobs{state=\"ready\"}").await, 0.0);
    assert_eq!(bench.metric("landfall_jobs{state=\"leased\"}").await, 0.0);
    assert_eq!(bench.simulator.stats(&recording.recording_sid), Default::default());
}

#[tokio::test]
async fn a_play_of_many_sockets_starts_one_download_and_all_are_told() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", held()).await;
    let mut sockets = Vec::new();
    for n in 0..50 {
        let mut socket = bench.socket().await;
        // Half of them know it by the call, and half by the recording's own name.
        if n == 0 {
            socket.subscribe(&recording.call_sid, "play").await;
            bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
        }
        let sid = if n % 2 == 0 { &recording.call_sid } else { &recording.recording_sid };
        let state = socket.subscribe(sid, "play").await;
        assert_eq!(state["state"], "downloading", "{state}");
        sockets.push((sid, socket));
    }
    bench.simulator.release(&recording.recording_sid);
    for (sid, mut socket) in sockets {
        let ready = socket.until("ready").await;
        assert_eq!((&ready["sid"], &ready["call_sid"]), (&json!(sid), &json!(recording.call_sid)));
    }
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 1);
}

#[tokio::test]
async fn what_was_unsubscribed_is_pushed_no_longer() {
    let bench = Bench::start().await;
    let (left, kept) = (bench.registered("t", held()).await, bench.registered("t", held()).await);
    let mut socket = bench.socket().await;
    socket.subscribe(&left.call_sid, "play").await;
    socket.subscribe(&kept.call_sid, "play").await;
    socket.say(json!({"type": "unsubscribe", "id": 9, "sids": [left.call_sid, "nonsense"]})).await;
    assert_eq!(socket.until("unsubscribed").await, json!({"type": "unsubscribed", "id": 9}));
    bench.simulator.release(&left.recording_sid);
    assert_eq!(bench.get(&format!("/api/recordings/file/{}?wait=20", left.call_sid)).await.status(), 200);
    bench.simulator.release(&kept.recording_sid);
    loop {
        let message = socket.next().await;
        assert_eq!(message["sid"], kept.call_sid, "{message}");
        if message["type"] == "ready" {
            break;
        }
    }
    assert_eq!(bench.metric("landfall_subscriptions").await, 1.0);
}

#[tokio::test]
async fn a_client_may_ping_in_both_of_the_ways_there_are() {
    let bench = Bench::start().await;
    let mut socket = bench.socket().await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await, json!({"type": "pong"}));
    socket.send(Message::Ping(b"there?".to_vec().into())).await;
    assert_eq!(socket.frame().await, Message::Pong(b"there?".to_vec().into()));
    socket.say(json!({"type": "pong"})).await;
    assert_eq!(socket.pushed().await, Vec::<Value>::new(), "a pong that nobody asked for is no fault");
}

#[tokio::test]
async fn a_new_token_of_the_same_tenant_renews_the_socket() {
    let bench = Bench::start().await;
    let mut socket = bench.socket().await;
    let exp = landfall::recording::Timestamp::now().seconds() + 7200;
    let claims = |tenant: Value| sign(&json!({"sub": "tester", "business_id": tenant, "exp": exp}));
    socket.say(json!({"type": "refresh", "token": claims(json!("t"))})).await;
    let refreshed = socket.next().await;
    assert_eq!(refreshed["type"], "refreshed");
    let until = landfall::recording::Timestamp::parse(refreshed["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(until.seconds(), exp);
    socket.say(json!({"type": "refresh", "token": claims(json!("other"))})).await;
    assert_eq!(socket.closed().await, 4403);
    let mut socket = bench.socket().await;
    socket.say(json!({"type": "refresh", "token": "a.b.c"})).await;
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test]
async fn what_is_no_message_of_the_protocol_closes_with_4400() {
    let bench = Bench::start().await;
    let sid = format!("CA{:032x}", 1);
    let texts = [
        "",
        "null",
        "[]",
        "{}",
        "subscribe",
        r#"{"type":"shout"}"#,
        r#"{"type":"subscribe","sids":[]}"#,
        r#"{"type":"subscribe","id":1}"#,
        r#"{"type":"subscribe","id":"one","sids":[]}"#,
        r#"{"type":"subscribe","id":1,"sids":"CA"}"#,
        r#"{"type":"subscribe","id":1,"sids":[1]}"#,
        r#"{"type":"subscribe","id":1,"sids":[],"intent":"steal"}"#,
        r#"{"type":"unsubscribe","id":1}"#,
        r#"{"type":"refresh"}"#,
    ];
    let mut frames: Vec<Message> = texts.map(Message::text).into();
    frames.push(Message::binary(json!({"type": "subscribe", "id": 1, "sids": [sid]}).to_string().into_bytes()));
    frames.push(Message::text("[".repeat(10_000)));
    for frame in frames {
        let mut socket = bench.socket().await;
        socket.send(frame.clone()).await;
        assert_eq!(socket.closed().await, 4400, "{frame:?}");
    }
}

#[tokio::test]
async fn frames_that_break_the_websocket_protocol_close_with_4400() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let bench = Bench::start().await;
    let not_utf8 = Frame::message(vec![0xc3, 0x28], OpCode::Data(Data::Text), true);
    let no_beginning = Frame::message(b"x".to_vec(), OpCode::Data(Data::Continue), true);
    for frame in [not_utf8, no_beginning] {
        let mut socket = bench.socket().await;
        socket.send(Message::Frame(frame.clone())).await;
        assert_eq!(socket.closed().await, 4400, "{frame:?}");
    }
}

#[tokio::test]
async fn a_service_watches_the_recordings_of_every_tenant() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", Default::default()).await;
    let mut socket = bench.socket_of(&token("-", "service")).await;
    assert_eq!(socket.subscribe(&recording.call_sid, "play").await["call_sid"], recording.call_sid);
    socket.until("ready").await;
}

#[tokio::test]
async fn a_client_that_closes_is_answered_with_its_own_code() {
    let bench = Bench::start().await;
    let mut socket = bench.socket().await;
    socket.send(Message::Close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() }))).await;
    let Message::Close(answer) = socket.frame().await else { panic!("the connection is dropped") };
    assert_eq!(answer.map(|frame| frame.code), Some(CloseCode::Away));
}
