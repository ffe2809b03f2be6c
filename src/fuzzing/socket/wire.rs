//! Frames of a WebSocket (RFC 6455 §5.2) by hand: a client's library would refuse to send what is wrong.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The request that opens a socket; `{C}` stands for what comes behind the first subprotocol.
pub(super) const HANDSHAKE: &str = "GET /ws/recordings HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    sec-websocket-protocol: landfall.v1{C}\r\n\r\n";

/// What one side says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Close(u16),
    /// A pong, which nobody needs.
    Other,
}

/// A client's frame: masked, with a mask of zeros, so that the payload stands there as it is.
pub(super) fn frame(of: &Frame) -> Vec<u8> {
    let (kind, payload) = match of {
        Frame::Text(text) => (1, text.clone().into_bytes()),
        Frame::Binary(bytes) => (2, bytes.clone()),
        Frame::Close(code) => (8, code.to_be_bytes().to_vec()),
        Frame::Ping(bytes) => (9, bytes.clone()),
        Frame::Other => (10, Vec::new()),
    };
    let mut bytes = vec![0x80 | kind];
    match payload.len() {
        length @ ..=125 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// The whole frames of a server, behind its answer to the handshake.
pub(super) fn frames(said: &[u8]) -> Vec<Frame> {
    assert!(said.starts_with(b"HTTP/1.1 101 "), "no socket: {}", String::from_utf8_lossy(said));
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the handshake");
    let mut rest = &said[end + 4..];
    let mut frames = Vec::new();
    while let [first, length, after @ ..] = rest {
        assert_eq!(length & 0x80, 0, "a server does not mask");
        let (size, after) = match length {
            126 if after.len() >= 2 => (u16::from_be_bytes([after[0], after[1]]).into(), &after[2..]),
            126 | 127 => break,
            short => (usize::from(*short), after),
        };
        let Some((payload, next)) = after.split_at_checked(size) else { break };
        frames.push(match first {
            0x81 => Frame::Text(String::from_utf8(payload.to_vec()).expect("text is UTF-8")),
            0x88 => Frame::Close(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))),
            0x8a => Frame::Other,
            kind => panic!("a server does not send frames of the kind {kind:#x}"),
        });
        rest = next;
    }
    frames
}

/// All that comes until the end of the connection.
pub(super) async fn receive(client: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::with_capacity(4096);
    while client.read_buf(&mut said).await.is_ok_and(|bytes| bytes > 0) {}
    said
}
