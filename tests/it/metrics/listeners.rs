//! Requests for media, sockets, pushes and waits.

use loadtest::twilio::{Faults, NewRecording, Status};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{Meter, faulty, file, held};
use crate::support::{Bench, Knobs, Socket, token};

#[tokio::test]
async fn media_are_counted_by_what_came_of_them_and_their_bytes_to_the_last() {
    let bench = Bench::start().await;
    let landed = bench.landed(NewRecording::default()).await;
    let size = bench.bytes_of(&landed).len() as f64;
    let absent = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    let (held, route) = (held(&bench).await, "route=\"/api/recordings/file/{sid}\"");
    let requests = |result: &str| format!("media_requests_total{{result=\"{result}\",{route}}}");
    let answers = |status: u16| format!("http_requests_total{{{route},method=\"GET\",status=\"{status}\"}}");
    let series = [
        requests("hit"),
        requests("miss"),
        requests("gone"),
        requests("denied"),
        "media_bytes_total{result=\"hit\"}".into(),
        "media_first_byte_seconds_count{result=\"hit\"}".into(),
        answers(206),
        answers(410),
        format!("http_request_duration_seconds_count{{{route}}}"),
    ];
    let meter = Meter::of(&bench, &series.each_ref().map(String::as_str)).await;
    // By the express way, and by the HTTP library.
    for path in [file(&landed), format!("{}?by=library", file(&landed))] {
        for (range, status) in [("bytes=0-", 206), ("bytes=100-299", 206), ("bytes=999999999-", 416)] {
            let answer = bench.request(reqwest::Method::GET, &path, &token("t", "agent")).header("range", range);
            let answer = answer.send().await.unwrap();
            assert_eq!(answer.status(), status);
            answer.bytes().await.unwrap();
        }
    }
    assert_eq!(bench.get(&file(&held)).await.status(), 202);
    assert_eq!(bench.get(&format!("{}?wait=10", file(&absent))).await.status(), 410);
    assert_eq!(bench.get(&format!("/api/recordings/file/CA{:032x}", 7)).await.status(), 404);
    meter.has_risen_by(&[6.0, 1.0, 1.0, 1.0, 2.0 * (size + 200.0), 6.0, 4.0, 1.0, 9.0]).await;
}

#[tokio::test]
async fn who_asks_before_the_landing_is_no_hit_whether_held_or_sent_what_has_come() {
    let bench = Bench::start().await;
    let (held, faults) = (held(&bench).await, Faults { hold_after: Some(200_000), ..Default::default() });
    let slow = NewRecording { seconds: 120.0, faults: Some(faults), ..Default::default() };
    let slow = bench.registered("t", slow).await;
    let route = "route=\"/api/recordings/file/{sid}\"";
    let results = ["hit", "landing", "miss"];
    let mut series = results.map(|result| format!("media_requests_total{{result=\"{result}\",{route}}}")).to_vec();
    series.push("media_bytes_total{result=\"landing\"}".into());
    series.push("media_first_byte_seconds_count{result=\"landing\"}".into());
    series.push("wait_seconds_count{outcome=\"landing\"}".into());
    let meter = Meter::of(&bench, &series.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let ask = async |recording| {
        let path = format!("{}?wait=20", file(recording));
        let answer = bench.request(reqwest::Method::GET, &path, &token("t", "agent")).header("range", "bytes=0-99");
        assert_eq!(answer.send().await.unwrap().bytes().await.unwrap().len(), 100);
    };
    tokio::join!(ask(&held), async {
        bench.simulator.until(&held.recording_sid, |stats| stats.media_requests == 1).await;
        bench.simulator.release(&held.recording_sid);
    });
    ask(&slow).await;
    meter.has_risen_by(&[0.0, 2.0, 0.0, 200.0, 2.0, 1.0]).await;
    ask(&held).await;
    meter.has_risen_by(&[1.0, 2.0, 0.0, 200.0, 2.0, 1.0]).await;
}

#[tokio::test]
async fn a_push_is_measured_once_for_each_listener_whatever_it_listens_by() {
    let bench = Bench::start().await;
    let recording = held(&bench).await;
    let mut socket = bench.socket().await;
    socket.subscribe(&recording.call_sid, "play").await;
    let mut stream = bench.get(&format!("/api/recordings/events?sid={}", recording.call_sid)).await;
    let meter = Meter::of(&bench, &["ready_push_seconds_count", "subscriptions", "waiters"]).await;
    bench.simulator.release(&recording.recording_sid);
    socket.until("ready").await;
    let mut text = String::new();
    while !text.contains("event: ready") {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    meter.has_risen_by(&[2.0, 0.0, -1.0]).await;
    let metrics = bench.metrics().await;
    // The objective's bound, and bounds near to it.
    for bound in ["0.005", "0.01", "0.02"] {
        assert!(metrics.contains(&format!("landfall_ready_push_seconds_bucket{{le=\"{bound}\"}}")), "{bound}");
    }
    drop(stream);
    drop(socket);
    meter.has_risen_by(&[2.0, -2.0, -1.0]).await;
}

#[tokio::test]
async fn a_wait_is_measured_by_how_it_ended() {
    let bench = Bench::start().await;
    let outcomes = ["ready", "failed", "gone", "left", "timeout"];
    let series = outcomes.map(|outcome| format!("wait_seconds_count{{outcome=\"{outcome}\"}}"));
    let meter = Meter::of(&bench, &series.each_ref().map(String::as_str)).await;
    let mut socket = bench.socket().await;
    let ready = bench.registered("t", NewRecording::default()).await;
    let refused = faulty(&bench, Faults { unauthorized: true, ..Default::default() }).await;
    let absent = bench.registered("t", NewRecording { status: Status::Absent, ..Default::default() }).await;
    for (recording, end) in [(&ready, "ready"), (&refused, "failed"), (&absent, "gone")] {
        socket.subscribe(&recording.call_sid, "play").await;
        socket.until(end).await;
    }
    let held = held(&bench).await;
    socket.subscribe(&held.call_sid, "play").await;
    drop(socket);
    assert_eq!(bench.get(&format!("{}?wait=1", file(&held))).await.status(), 202);
    meter.has_risen_by(&[1.0; 5]).await;
}

#[tokio::test]
async fn sockets_are_counted_while_they_are_open_and_by_how_they_closed_or_were_refused() {
    let bench = Bench::start().await;
    let meter = Meter::of(
        &bench,
        &[
            "websocket_connections",
            "websocket_closed_total{code=\"1006\"}",
            "websocket_closed_total{code=\"4400\"}",
            "websocket_closed_total{code=\"4401\"}",
            "websocket_closed_total{code=\"4406\"}",
            "websocket_rejected_total{reason=\"origin\"}",
            "websocket_rejected_total{reason=\"handshake\"}",
        ],
    )
    .await;
    let _open = bench.socket().await;
    drop(bench.socket().await);
    let mut wrong = bench.socket().await;
    wrong.say(json!({"type": "nonsense"})).await;
    assert_eq!(wrong.closed().await, 4400);
    assert_eq!(Socket::open(&bench.url, &["landfall.v1", "landfall.bearer.x"]).await.closed().await, 4401);
    assert_eq!(Socket::open(&bench.url, &[]).await.closed().await, 4406);
    assert!(Socket::connect(&bench.url, &["landfall.v1"], &[("origin", "https://evil.example")]).await.is_err());
    assert_eq!(bench.get("/ws/recordings").await.status(), 426);
    meter.has_risen_by(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]).await;
}

/// The client takes the head and then nothing, while more changes come than are kept for it.
#[tokio::test]
async fn an_event_stream_that_does_not_keep_up_is_ended_and_counted() {
    let bench = Bench::with({
        let mut knobs = Knobs::default();
        knobs.limits.prepares_per_minute = 1_000_000;
        knobs
    })
    .await;
    bench.simulator.set_global_faults(Faults { unauthorized: true, ..Default::default() });
    // Control characters take six bytes each in JSON: a change of state is some 24 kB long.
    let long = "\u{1}".repeat(1000);
    let about = json!({"tenant": "t", "from": long, "to": long, "direction": long, "title": long});
    let mut sids = Vec::new();
    for _ in 0..20 {
        let recording = bench.simulator.add(NewRecording::default());
        assert_eq!(bench.register(&recording, about.clone()).await.status(), 201);
        sids.push(recording.call_sid);
    }
    let meter = Meter::of(&bench, &["limits_total{limit=\"slow_reader\"}", "subscriptions"]).await;
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.set_recv_buffer_size(4096).unwrap();
    let mut deaf = deaf.connect(bench.url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    let query = sids.iter().map(|sid| format!("sid={sid}")).collect::<Vec<_>>().join("&");
    let (path, token) = (format!("/api/recordings/events?{query}"), token("t", "agent"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    deaf.write_all(request.as_bytes()).await.unwrap();
    deaf.read_u8().await.unwrap();
    let mut player = bench.socket().await;
    // A megabyte each: beyond what the kernel's buffers and the mailbox hold.
    for _ in 0..8 {
        player.say(json!({"type": "subscribe", "id": 2, "sids": sids, "intent": "play"})).await;
        player.until("subscribed").await;
        let mut failed = std::collections::HashSet::new();
        while failed.len() < sids.len() {
            failed.insert(player.until("failed").await["sid"].to_string());
        }
    }
    // It reads on: the stream ends as a whole answer does, and the browser opens another.
    let mut rest = Vec::new();
    let mut chunk = vec![0; 1 << 20];
    while !rest.ends_with(b"0\r\n\r\n") {
        let read = tokio::time::timeout(std::time::Duration::from_secs(20), deaf.read(&mut chunk)).await;
        let read = read.expect("an end in time").unwrap();
        assert!(read > 0, "cut");
        rest.extend_from_slice(&chunk[..read]);
    }
    drop(player);
    meter.has_risen_by(&[1.0, 0.0]).await;
}
