//! The line to a socket: frames are written past the library, which would keep a buffer for each socket. And while the socket's
//! task sleeps, a publisher on its thread writes them itself, and wakes no task: of ten thousand listeners of one recording, each is
//! so told for little more than the system call costs.

use std::cell::RefCell;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::Close;
use crate::http::app::App;
use crate::http::protocol::event_text;
use crate::http::watching::Watching;
use crate::registry::{Event, EventKind, Line};
use crate::telemetry;

/// A whole text message in one frame (RFC 6455 §5.2); a server does not mask.
const TEXT: u8 = 0x81;
/// The length follows in two bytes.
const LENGTH_16: u8 = 126;
/// Bytes that are written at once; more is left to the library, which waits for room where it must.
const MOST_AT_ONCE: usize = 16 * 1024;
/// How long a write may wait for the peer to read.
const SLOW: Duration = Duration::from_secs(10);
/// From one try to send the rest of a frame to the next. Hardly ever needed: there is room for all of it, or for nothing.
const ONCE_MORE: Duration = Duration::from_millis(10);

const FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

thread_local! {
    /// Where frames are made.
    static FRAMES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What the kernel calls the connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor(pub RawFd);

/// What a socket's task shares with those who write to its line.
pub(super) struct Desk {
    pub app: Arc<App>,
    watching: Mutex<Watching>,
    /// The connection, which carries frames as they are: nothing is encrypted in this process.
    descriptor: Option<Descriptor>,
}

impl Desk {
    pub fn new(app: Arc<App>, descriptor: Option<Descriptor>) -> Arc<Self> {
        Arc::new(Self { app, watching: Mutex::default(), descriptor })
    }

    /// What the socket watches. Not to be held across an await.
    pub fn watching(&self) -> MutexGuard<'_, Watching> {
        // Nothing panics while it is held; were it so, the list would still be whole.
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes messages together. A peer that does not read is let go.
    pub async fn send(&self, socket: &mut WebSocket, texts: impl Iterator<Item = Utf8Bytes>) -> Result<(), Close> {
        let write = async {
            // The library's own answers come first.
            socket.flush().await?;
            let texts: Vec<Utf8Bytes> = texts.collect();
            match self.write(&texts) {
                Written::All => return Ok(None),
                Written::Part(rest) => return Ok(Some(rest)),
                Written::Nothing => {}
            }
            for text in texts {
                socket.feed(Message::Text(text)).await?;
            }
            socket.flush().await.map(|()| None)
        };
        match timeout(SLOW, write).await {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(rest))) => self.send_rest(&rest).await,
            Ok(Err::<_, axum::Error>(_)) => Err(Close::ByPeer(1006)),
            Err(_) => Err(Close::TooSlow),
        }
    }

    /// Ends a frame that was begun, or the connection: a close frame would count as the frame's end.
    async fn send_rest(&self, rest: &[u8]) -> Result<(), Close> {
        let Some(connection) = self.connection() else { return Err(Close::Internal) };
        let ended = timeout(SLOW, write_rest(connection, rest)).await;
        if !matches!(ended, Ok(Ok(()))) {
            self.hang_up();
        }
        match ended {
            Ok(written) => written.map_err(|_| Close::ByPeer(1006)),
            Err(_) => Err(Close::TooSlow),
        }
    }

    /// Nothing can be said on this connection any more.
    fn hang_up(&self) {
        if let Some(connection) = self.connection() {
            let _ = rustix::net::shutdown(connection, Shutdown::Both);
        }
    }

    /// The socket's task sends these, and its library has nothing to send; or the line is open.
    fn write(&self, texts: &[Utf8Bytes]) -> Written {
        self.connection().map_or(Written::Nothing, |connection| write_frames(connection, texts))
    }

    fn connection(&self) -> Option<BorrowedFd<'_>> {
        let Descriptor(descriptor) = self.descriptor?;
        // SAFETY: those who ask either are the socket's task, which owns the connection, or write while that task sleeps on this very
        // thread; the guard of the line closes it before the connection can be closed.
        Some(unsafe { BorrowedFd::borrow_raw(descriptor) })
    }

    /// Notes what was told.
    pub fn told(&self, watching: &mut Watching, event: &Event, now: Instant) {
        if event.kind == EventKind::State {
            telemetry::pushed(event.status.state, now - event.at);
        }
        watching.note(event);
    }
}

impl Line for Desk {
    fn tell(&self, event: &Event) -> bool {
        let mut watching = self.watching();
        // It was let go of while others were told, or something newer has been told.
        if !watching.awaits(event) {
            return true;
        }
        match self.write(std::slice::from_ref(event_text(event, &self.app.base))) {
            Written::All => self.told(&mut watching, event, Instant::now()),
            // Its task finds out why.
            Written::Nothing => return false,
            Written::Part(_) => self.hang_up(),
        }
        true
    }
}

/// What was written of some frames.
enum Written {
    All,
    /// All but this rest.
    Part(Vec<u8>),
    Nothing,
}

/// Writes all of them together, where they are not too long for that.
fn write_frames(connection: BorrowedFd<'_>, texts: &[Utf8Bytes]) -> Written {
    let length: usize = texts.iter().map(|text| text.len()).sum();
    if texts.is_empty() || length > MOST_AT_ONCE {
        return Written::Nothing;
    }
    FRAMES.with_borrow_mut(|frames| {
        frames.clear();
        texts.iter().for_each(|text| add_frame(frames, text.as_bytes()));
        match rustix::net::send(connection, frames, FLAGS) {
            Ok(sent) if sent == frames.len() => Written::All,
            Ok(sent) => Written::Part(frames[sent..].to_vec()),
            // Full, or broken: the library finds out which.
            Err(_) => Written::Nothing,
        }
    })
}

async fn write_rest(connection: BorrowedFd<'_>, mut rest: &[u8]) -> Result<(), Errno> {
    while !rest.is_empty() {
        match rustix::net::send(connection, rest, FLAGS) {
            Ok(sent) => rest = &rest[sent..],
            Err(Errno::AGAIN) => sleep(ONCE_MORE).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Adds a text of at most [`MOST_AT_ONCE`] bytes.
fn add_frame(frames: &mut Vec<u8>, text: &[u8]) {
    let length = text.len() as u16;
    frames.push(TEXT);
    match u8::try_from(length) {
        Ok(length) if length < LENGTH_16 => frames.push(length),
        _ => {
            frames.push(LENGTH_16);
            frames.extend_from_slice(&length.to_be_bytes());
        }
    }
    frames.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_the_standard_has_them() {
        let (mut frames, mut expected) = (Vec::new(), Vec::new());
        for length in [0, 125, 126, MOST_AT_ONCE] {
            let text = vec![b'x'; length];
            add_frame(&mut frames, &text);
            let head: &[u8] = match length {
                0 => &[0x81, 0],
                125 => &[0x81, 125],
                126 => &[0x81, 126, 0, 126],
                _ => &[0x81, 126, 0x40, 0],
            };
            expected.extend_from_slice(head);
            expected.extend_from_slice(&text);
        }
        assert_eq!(frames, expected);
    }

    /// A connection that takes little, and a client that reads nothing yet.
    #[tokio::test]
    async fn what_was_begun_is_ended_when_the_client_reads() {
        use std::os::fd::AsFd;
        use tokio::io::AsyncReadExt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = listener.accept().await.unwrap().0;
        rustix::net::sockopt::set_socket_send_buffer_size(&server, 4096).unwrap();
        let text: Utf8Bytes = "x".repeat(MOST_AT_ONCE).into();
        let rest = loop {
            match write_frames(server.as_fd(), std::slice::from_ref(&text)) {
                Written::All => {}
                Written::Part(rest) => break rest,
                // As if a part of the next had been taken: all of it.
                Written::Nothing => {
                    let mut frame = Vec::new();
                    add_frame(&mut frame, text.as_bytes());
                    break frame;
                }
            }
        };
        let ended = async {
            write_rest(server.as_fd(), &rest).await.unwrap();
            rustix::net::shutdown(&server, Shutdown::Write).unwrap();
        };
        let mut read = Vec::new();
        let (_, count) = tokio::join!(ended, client.read_to_end(&mut read));
        count.unwrap();
        assert!(read.len() > rest.len());
        let mut left = read.as_slice();
        while !left.is_empty() {
            assert_eq!(&left[..4], [TEXT, LENGTH_16, 0x40, 0]);
            assert!(left[4..4 + MOST_AT_ONCE].iter().all(|byte| *byte == b'x'));
            left = &left[4 + MOST_AT_ONCE..];
        }
    }
}
