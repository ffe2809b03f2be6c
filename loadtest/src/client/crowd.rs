//! Many clients of one file that each fetch it once and whole, on one thread; knows no API, and not when each of them asks.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::retry_on_intr;

use super::http::{Head, head_end};
use crate::measure::clock;

const BUFFER: usize = 256 * 1024;
/// A server that sends nothing to anybody for so long is broken.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Clients that are connected. Asking and reading may be done on two threads.
#[derive(Debug)]
pub struct Crowd {
    streams: Vec<TcpStream>,
    request: Vec<u8>,
}

/// When the file came to one of them.
#[derive(Clone, Copy, Debug)]
pub struct Got {
    /// The first byte of the body.
    pub first: Instant,
    /// The last.
    pub last: Instant,
}

/// The answer as far as it has come.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    body: Option<usize>,
    first: Option<Instant>,
}

impl Crowd {
    /// Connects `count` clients. `target` is path and query; with a token, each request carries it.
    pub fn connect(address: SocketAddr, target: &str, token: Option<&str>, count: usize) -> io::Result<Self> {
        let token = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{token}\r\n").into_bytes();
        let connect = |_| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        Ok(Self { streams: (0..count).map(connect).collect::<io::Result<_>>()?, request })
    }

    /// Lets one of them ask.
    pub fn ask(&self, index: usize) -> io::Result<()> {
        (&self.streams[index]).write_all(&self.request)
    }

    /// Lets all of them ask, one right after the other.
    pub fn ask_all(&self) -> io::Result<()> {
        (0..self.streams.len()).try_for_each(|index| self.ask(index))
    }

    /// Reads until each has the whole file, and compares each byte.
    ///
    /// # Errors
    /// With the first answer that is not 200, or has another length or another byte; or when nothing comes for a minute.
    pub fn read(&self, expected: &[u8]) -> io::Result<Vec<Got>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, stream) in (0..).zip(&self.streams) {
            epoll::add(&epoll, stream, epoll::EventData::new_u64(index), epoll::EventFlags::IN)?;
        }
        let mut answers: Vec<Answer> = self.streams.iter().map(|_| Answer::default()).collect();
        let mut got = vec![None; self.streams.len()];
        let mut missing = got.len();
        let mut buffer = vec![0; BUFFER];
        let mut events = Vec::with_capacity(self.streams.len());
        while missing > 0 {
            events.clear();
            if retry_on_intr(|| epoll::wait(&epoll, spare_capacity(&mut events), Some(&PATIENCE)))? == 0 {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{missing} clients still wait")));
            }
            for event in &events {
                let index = event.data.u64() as usize;
                let read = (&self.streams[index]).read(&mut buffer)?;
                let at = clock::now();
                if let Some(all) = answers[index].hear(&buffer[..read], at, expected)? {
                    missing -= usize::from(got[index].replace(all).is_none());
                }
            }
        }
        Ok(got.into_iter().flatten().collect())
    }
}

impl Answer {
    /// When all came, if this was the last of it.
    fn hear(&mut self, read: &[u8], at: Instant, expected: &[u8]) -> io::Result<Option<Got>> {
        if read.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        let mut part = read;
        if self.body.is_none() {
            let before = self.head.len();
            self.head.extend_from_slice(read);
            let Some(end) = head_end(&self.head) else { return Ok(None) };
            let head = &self.head[..end];
            let right = Head { status: 200, length: Some(expected.len() as u64), content_range: None };
            if Head::parse(head).is_none_or(|head| head != right) {
                let head = String::from_utf8_lossy(head).into_owned();
                return Err(io::Error::other(format!("not the whole file: {head}")));
            }
            self.body = Some(0);
            part = &read[end - before..];
        }
        let come = self.body.unwrap_or(0);
        if part.is_empty() {
            return Ok(None);
        }
        if expected.get(come..come + part.len()) != Some(part) {
            return Err(io::Error::other(format!("wrong bytes at or after {come}")));
        }
        let first = *self.first.get_or_insert(at);
        self.body = Some(come + part.len());
        Ok((come + part.len() == expected.len()).then_some(Got { first, last: at }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte_however_it_comes_in_pieces() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
        let start = clock::now();
        for cut in 1..bytes.len() {
            let mut answer = Answer::default();
            assert!(answer.hear(&bytes[..cut], start, b"abcd").unwrap().is_none());
            assert!(answer.hear(&bytes[cut..], start, b"abcd").unwrap().is_some());
        }
    }

    #[test]
    fn another_status_length_or_byte_is_an_error() {
        let now = clock::now();
        let hear = |answer: &[u8]| Answer::default().hear(answer, now, b"abcd");
        assert!(hear(b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nabcd").is_err());
        assert!(hear(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd").is_err());
        assert!(hear(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcX").is_err());
        assert!(hear(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcde").is_err());
    }
}
