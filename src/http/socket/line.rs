//! The line to a socket that says nothing: a publisher on its thread writes the frame itself, and wakes no task. Of ten thousand
//! listeners of one recording, each is so told for little more than the system call costs.

use std::cell::RefCell;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::{SendFlags, Shutdown};
use tokio::time::Instant;

use crate::http::app::App;
use crate::http::protocol::event_text;
use crate::http::watching::Watching;
use crate::registry::{Event, EventKind, Line};
use crate::telemetry;

/// A whole text message in one frame (RFC 6455 §5.2); a server does not mask.
const TEXT: u8 = 0x81;
/// The length follows in two bytes.
const LENGTH_16: u8 = 126;

thread_local! {
    /// Where frames are made.
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
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
        let Some(Descriptor(descriptor)) = self.descriptor else { return false };
        let mut watching = self.watching();
        // It was let go of while others were told, or something newer has been told.
        if !watching.awaits(event) {
            return true;
        }
        let text = event_text(event, &self.app.base);
        // SAFETY: the line is open only while the socket's task, which owns the connection, sleeps on this very thread; its guard
        // closes the line before the connection can be closed.
        let connection = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let sent = FRAME.with_borrow_mut(|frame| {
            if !write_frame(frame, text.as_bytes()) {
                return Some(false);
            }
            match rustix::net::send(connection, frame, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(sent) => (sent == frame.len()).then_some(true),
                // Full, or broken: its task finds out which.
                Err(_) => Some(false),
            }
        });
        match sent {
            Some(true) => self.told(&mut watching, event, Instant::now()),
            Some(false) => return false,
            // Part of a frame: the kernel is out of memory, and nothing else can be said on this connection.
            None => drop(rustix::net::shutdown(connection, Shutdown::Both)),
        }
        true
    }
}

/// `false` for a text that does not fit.
fn write_frame(frame: &mut Vec<u8>, text: &[u8]) -> bool {
    frame.clear();
    let Ok(length) = u16::try_from(text.len()) else { return false };
    frame.push(TEXT);
    match u8::try_from(length) {
        Ok(length) if length < LENGTH_16 => frame.push(length),
        _ => {
            frame.push(LENGTH_16);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(text);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_the_standard_has_them() {
        let mut frame = Vec::new();
        for length in [0, 125, 126, 65_535] {
            let text = vec![b'x'; length];
            assert!(write_frame(&mut frame, &text));
            let head: &[u8] = match length {
                0 => &[0x81, 0],
                125 => &[0x81, 125],
                126 => &[0x81, 126, 0, 126],
                _ => &[0x81, 126, 0xff, 0xff],
            };
            assert_eq!((&frame[..head.len()], &frame[head.len()..]), (head, text.as_slice()));
        }
        assert!(!write_frame(&mut frame, &vec![b'x'; 65_536]));
    }
}
