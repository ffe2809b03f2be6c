//! Connections beyond the bound, and those whose other end has left.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::with;
use crate::support::token;

/// One connection with its requests as text.
struct Line(TcpStream);

impl Line {
    async fn to(url: &str) -> Self {
        Self(TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap())
    }

    async fn ask(&mut self, path: &str) {
        self.ask_with(path, "").await;
    }

    async fn ask_with(&mut self, path: &str, more: &str) {
        let token = token("t", "agent");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{more}\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// The head of the answer to that request; its body is read, too.
    async fn answer(&mut self, path: &str) -> String {
        self.ask(path).await;
        self.heard().await
    }

    async fn heard(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(Duration::from_secs(10), self.0.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
        head
    }

    async fn is_closed(&mut self) -> bool {
        matches!(tokio::time::timeout(Duration::from_secs(10), self.0.read(&mut [0; 1])).await, Ok(Ok(0) | Err(_)))
    }
}

#[tokio::test]
async fn a_connection_too_many_hears_that_the_server_is_full_and_that_it_lives() {
    let limited = with(|limits| limits.connections = 4).await;
    let url = &limited.bench.url;
    let mut lines = Vec::new();
    // Some of the places are the test's own client's.
    let full = loop {
        let mut line = Line::to(url).await;
        let head = line.answer("/api/recordings").await;
        if !head.starts_with("http/1.1 200") {
            assert!(line.is_closed().await);
            break head;
        }
        lines.push(line);
        assert!(lines.len() <= 4, "there is no bound");
    };
    assert!(full.starts_with("http/1.1 503"), "{full}");
    for field in ["retry-after: 2\r\n", "connection: close\r\n", "content-type: application/problem+json\r\n"] {
        assert!(full.contains(field), "{field} in {full}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        let mut line = Line::to(url).await;
        assert!(line.answer(path).await.starts_with("http/1.1 200"), "{path}");
        assert!(line.is_closed().await, "one answer is all there is to spare");
    }
    assert!(lines[0].answer(&limited.file()).await.starts_with("http/1.1 200"), "whoever is there is served");
    limited.hears().await;
    assert!(limited.counted("connections").await >= 4.0);
    drop(lines);
    while !Line::to(url).await.answer("/api/recordings").await.starts_with("http/1.1 200") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A WebSocket, if there is a place for it.
async fn socket(url: &str) -> Option<Line> {
    let mut line = Line::to(url).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: landfall.v1\r\n";
    line.ask_with("/ws/recordings", upgrade).await;
    let head = line.heard().await;
    assert!(head.starts_with("http/1.1 101") || head.starts_with("http/1.1 503"), "{head}");
    head.starts_with("http/1.1 101").then_some(line)
}

#[tokio::test]
async fn a_socket_keeps_the_place_of_its_connection_and_gives_it_back() {
    let limited = with(|limits| limits.connections = 4).await;
    let url = &limited.bench.url;
    let mut sockets = Vec::new();
    while let Some(socket) = socket(url).await {
        sockets.push(socket);
        assert!(sockets.len() <= 4, "there is no bound");
    }
    assert!(!sockets.is_empty());
    limited.hears().await;
    assert!(socket(url).await.is_none(), "they are still there");
    sockets.pop();
    while socket(url).await.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_held_request_ends_with_its_client() {
    let limited = with(|_| {}).await;
    let recording = limited.held().await;
    for path in ["/api/recordings/file/", "/api/calls/download/"] {
        let mut line = Line::to(&limited.bench.url).await;
        line.ask(&format!("{path}{}?wait=60", recording.call_sid)).await;
        let begun = tokio::time::Instant::now();
        while limited.bench.metric("landfall_waiters").await == 0.0 {
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
        drop(line);
        while limited.bench.metric("landfall_waiters").await != 0.0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{path}: it is still waited for");
        }
    }
    limited.bench.simulator.release(&recording.recording_sid);
}
