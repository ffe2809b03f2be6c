//! Sockets of one server, what each of them waits for, and that each hears just that, once; knows not which server it is.

use std::cell::Cell;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use loadtest::client::{Heard, Listeners, Message};
use loadtest::measure::clock;

/// What comes twice comes within this, after the last that was waited for.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

/// Who waits for what.
pub(crate) enum Crowd {
    /// As many sockets as SIDs, each on a channel of its own and waiting for one.
    Each(Vec<String>),
    /// So many sockets on one channel, all of them waiting for each of the SIDs.
    All(usize, Vec<String>),
}

impl Crowd {
    pub(crate) fn sids(&self) -> &[String] {
        match self {
            Self::Each(sids) | Self::All(_, sids) => sids,
        }
    }

    pub(crate) fn sockets(&self) -> usize {
        match self {
            Self::Each(sids) => sids.len(),
            Self::All(sockets, _) => *sockets,
        }
    }

    /// The SIDs that a socket waits for.
    pub(crate) fn of_socket(&self, socket: usize) -> &[String] {
        match self {
            Self::Each(sids) => &sids[socket..=socket],
            Self::All(_, sids) => sids,
        }
    }

    /// The channel of a socket, and of the message about a SID: the same number for both where each socket has its own.
    pub(crate) fn channel(&self, number: usize) -> &str {
        match self {
            Self::Each(sids) => &sids[number],
            Self::All(..) => "all",
        }
    }
}

/// When each of `count` messages was heard. `place` tells which one it is that a socket heard of a SID: `None` when it should not have.
///
/// # Errors
/// When a message did not come within `patience` after the one before, came twice, or came to the wrong socket.
pub(crate) fn hear(
    listeners: &mut Listeners,
    count: usize,
    patience: Duration,
    place: impl Fn(usize, &str) -> Option<usize>,
) -> io::Result<Vec<Instant>> {
    let mut heard: Vec<Option<Instant>> = vec![None; count];
    let missing = Cell::new(count);
    let mut wrong = None;
    let mut on = |until_all: bool, socket: usize, at: Instant, what: Heard<'_>| {
        match what {
            Heard::Message(Message { kind: "ready", sid }) => {
                match sid.and_then(|sid| place(socket, sid)).and_then(|place| heard.get_mut(place)) {
                    Some(place @ None) => {
                        *place = Some(at);
                        missing.set(missing.get() - 1);
                    }
                    Some(Some(_)) => wrong = Some(format!("socket {socket} heard twice of {sid:?}")),
                    None => wrong = Some(format!("socket {socket} heard of {sid:?}, which it does not wait for")),
                }
            }
            Heard::Message(Message { kind: "failed" | "gone" | "error", .. }) | Heard::Closed(_) => {
                wrong = Some(format!("socket {socket} heard {what:?} instead of ready"));
            }
            Heard::Message(_) | Heard::Status(_) => {}
        }
        if wrong.is_some() || until_all && missing.get() == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    loop {
        let before = missing.get();
        // A machine that stood still for a while has not lost anything: as long as there is something to hear, it is heard.
        let is_over = listeners.listen(clock::now() + patience, |socket, at, what| on(true, socket, at, what))?;
        if is_over || missing.get() == before {
            break;
        }
    }
    if missing.get() == 0 {
        listeners.listen(clock::now() + QUIET, |socket, at, what| on(false, socket, at, what))?;
    }
    if let Some(wrong) = wrong {
        return Err(io::Error::other(wrong));
    }
    heard
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| io::Error::other(format!("{} of {count} messages did not come", missing.get())))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// What one socket hears that is told of these SIDs and waits for `a` and `b`.
    fn told(sids: &[&str]) -> io::Result<Vec<Instant>> {
        let server = TcpListener::bind("127.0.0.1:0")?;
        let address = server.local_addr()?;
        std::thread::scope(|scope| {
            let teller = scope.spawn(|| {
                let mut socket = server.accept()?.0;
                assert!(socket.read(&mut [0; 1024])? > 0);
                socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
                // The client has read the answer to its handshake when it speaks.
                assert!(socket.read(&mut [0; 1024])? > 0);
                for sid in sids {
                    let message = format!(r#"{{"type":"ready","sid":"{sid}"}}"#);
                    socket.write_all(&[&[0x81, message.len() as u8], message.as_bytes()].concat())?;
                }
                io::Result::Ok(socket)
            });
            let mut listeners = Listeners::new()?;
            listeners.foreign_web_socket(address, "/ws/all")?;
            listeners.send(0, "listening")?;
            let heard = hear(&mut listeners, 2, Duration::from_millis(300), |_, sid| {
                ["a", "b"].iter().position(|own| *own == sid)
            });
            drop(teller.join().unwrap()?);
            heard
        })
    }

    #[test]
    fn each_message_is_heard_once_by_whom_it_is_for() {
        assert_eq!(told(&["b", "a"]).unwrap().len(), 2);
        let wrong = |sids| told(sids).unwrap_err().to_string();
        assert_eq!(wrong(&["a"]), "1 of 2 messages did not come");
        assert_eq!(wrong(&["a", "b", "b"]), r#"socket 0 heard twice of Some("b")"#);
        assert_eq!(wrong(&["a", "c"]), r#"socket 0 heard of Some("c"), which it does not wait for"#);
    }
}
