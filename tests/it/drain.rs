//! A server that is told to stop: everybody is told, what is in flight is finished, then the port is closed.

use std::time::Duration;

use loadtest::twilio::NewRecording;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::Instant;

use crate::support::{Bench, Knobs, Process, Socket, token};

async fn answers(url: &str) -> Option<u16> {
    reqwest::get(url).await.ok().map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn sockets_are_told_to_come_back_later_and_closed_with_4501() {
    let mut bench = Bench::start().await;
    let (mut first, mut second) = (bench.socket().await, bench.socket().await);
    let listeners = async {
        let drains = [first.until("drain").await, second.until("drain").await];
        (drains, first.closed().await, second.closed().await)
    };
    let ((), (drains, one, two)) = tokio::join!(bench.stop(), listeners);
    assert!(drains.iter().all(|drain| drain["reconnect_in_ms"].is_u64()), "{drains:?}");
    assert_eq!((one, two), (4501, 4501));
    assert_eq!(answers(&format!("{}/healthz", bench.url)).await, None, "the port is closed");
}

#[tokio::test]
async fn a_held_request_is_answered_at_once() {
    let mut bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let url = format!("{}/api/recordings/file/{}?wait=60", bench.url, recording.call_sid);
    let held = bench.client.get(url).bearer_auth(token("t", "agent")).send();
    let stop = async {
        bench.simulator.until(&recording.recording_sid, |stats| stats.media_in_flight == 1).await;
        let begun = Instant::now();
        bench.server.take().unwrap().stop().await;
        begun.elapsed()
    };
    let (answer, took) = tokio::join!(held, stop);
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "processing");
    assert!(took < Duration::from_secs(4), "{took:?}");
    bench.no_parts().await;
    // The next server takes it up again without being asked.
    bench.simulator.release(&recording.recording_sid);
    bench.boot().await;
    let mut socket = bench.socket().await;
    if socket.subscribe(&recording.call_sid, "watch").await["state"] != "ready" {
        socket.until("ready").await;
    }
}

/// A listener on a slow line, half-way through a long recording.
#[tokio::test]
async fn a_download_in_flight_is_finished_and_meanwhile_the_server_says_that_it_is_not_ready() {
    let mut bench = Bench::with(Knobs { shutdown_grace: Duration::from_secs(30), ..Default::default() }).await;
    let recording = bench.landed(NewRecording { seconds: 7200.0, ..Default::default() }).await;
    let expected = bench.bytes_of(&recording);
    let connection = TcpSocket::new_v4().unwrap();
    connection.set_recv_buffer_size(4096).unwrap();
    let address = bench.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut line = connection.connect(address).await.unwrap();
    let path = format!("/api/recordings/file/{}", recording.call_sid);
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", token("t", "agent"));
    line.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    line.read_exact(&mut answer).await.unwrap();
    let begun = Instant::now();
    let server = bench.server.take().unwrap();
    let ready = format!("{}/readyz", bench.url);
    let meanwhile = async {
        // The first look may be earlier than the stop.
        while answers(&ready).await == Some(200) {}
        for _ in 0..3 {
            let answer = reqwest::get(&ready).await.expect("the port is still open");
            assert_eq!(answer.status(), 503);
            let checks = answer.json::<Value>().await.unwrap();
            assert!(checks.to_string().contains("draining"), "{checks}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let refused = Socket::connect(&bench.url, &["landfall.v1"], &[]).await.err().expect("no new sockets");
        assert_eq!(refused.status(), 503);
        line.read_to_end(&mut answer).await.unwrap();
        begun.elapsed()
    };
    let ((), read) = tokio::join!(server.stop(), meanwhile);
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(answer.len() - body, expected.len(), "not cut");
    assert!(answer[body..] == expected);
    assert!(begun.elapsed() < read + Duration::from_secs(2), "nobody waits for more than that");
    assert_eq!(answers(&ready).await, None, "the port is closed");
}

#[tokio::test]
async fn a_client_that_never_finishes_is_cut_when_the_grace_is_over() {
    let mut bench = Bench::with(Knobs { shutdown_grace: Duration::from_secs(1), ..Default::default() }).await;
    let recording = bench.landed(NewRecording { seconds: 7200.0, ..Default::default() }).await;
    let url = format!("{}/api/recordings/file/{}", bench.url, recording.call_sid);
    let stuck = bench.client.get(url).bearer_auth(token("t", "agent")).send().await.unwrap();
    let begun = Instant::now();
    bench.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(stuck);
}

#[tokio::test]
async fn the_process_ends_with_0_though_a_client_never_finishes() {
    let mut bench = Bench::start().await;
    let recording = bench.landed(NewRecording { seconds: 7200.0, ..Default::default() }).await;
    bench.stop().await;
    let process = Process::start(&mut bench).await;
    let mut socket = bench.socket().await;
    let url = format!("{}/api/recordings/file/{}", bench.url, recording.call_sid);
    let stuck = bench.client.get(url).bearer_auth(token("t", "agent")).send().await.unwrap();
    let begun = Instant::now();
    let (status, _) = tokio::join!(process.terminate(), socket.until("drain"));
    assert_eq!(status.code(), Some(0));
    // Two seconds of grace.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    drop(stuck);
}
