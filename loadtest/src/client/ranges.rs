//! A client that asks for random ranges of files, or for whole ones, over several kept connections, as fast as the server answers; knows
//! no API.
//!
//! One thread and one buffer. Every answer is checked for status, length and `Content-Range`, and some of the bodies byte by byte.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::retry_on_intr;

use super::http::{Head, head_end};
use crate::measure::{Samples, clock};
use crate::random::Random;

const BUFFER: usize = 256 * 1024;
const MAX_HEAD: usize = 8 * 1024;
/// A server that says nothing for so long is broken.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// A file that the server serves.
#[derive(Debug)]
pub struct File {
    /// Path and query of its URL.
    pub target: String,
    /// Its bytes, to compare with.
    pub content: std::fs::File,
    /// How many these are.
    pub size: u64,
}

/// How much of a file a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many bytes, at a random place; the answer is 206.
    Range(u64),
    /// All of it, without a `Range`; the answer is 200.
    Whole,
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Ranges<'a> {
    /// The server.
    pub address: SocketAddr,
    /// With a token, every request carries it.
    pub token: Option<&'a str>,
    /// At least one; none smaller than a range.
    pub files: &'a [File],
    /// What each request asks for.
    pub amount: Amount,
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Every so many answers, one is compared byte by byte.
    pub compare_every: u64,
}

/// What came.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Bytes of the bodies.
    pub bytes: u64,
    /// Answers, all of them right.
    pub requests: u64,
    /// Answers that were compared byte by byte.
    pub compared: u64,
    /// From the first request to the last byte.
    pub elapsed: Duration,
    /// From each request to its last byte.
    pub latency: Samples,
}

/// One connection and the answer that is coming on it.
struct Line {
    stream: TcpStream,
    head: Vec<u8>,
    in_body: bool,
    file: usize,
    /// What was asked for.
    asked: std::ops::Range<u64>,
    /// The byte of the file that comes next.
    next: u64,
    compare: bool,
    sent: Instant,
}

impl Ranges<'_> {
    /// Fetches at least `bytes` from files at random, with no more requests than needed.
    ///
    /// # Errors
    /// With the first answer that is wrong.
    pub fn fetch(&self, bytes: u64, random: &mut Random) -> io::Result<Transfer> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let began = clock::now();
        let mut done =
            Transfer { bytes: 0, requests: 0, compared: 0, elapsed: Duration::ZERO, latency: Samples::default() };
        let mut lines = self.connect(&epoll)?;
        let (mut asked, mut asked_bytes) = (0, 0);
        for line in &mut lines {
            if asked_bytes < bytes {
                asked_bytes += self.ask(line, asked, random)?;
                asked += 1;
            }
        }
        let mut buffer = vec![0; BUFFER];
        let mut expected = vec![0; BUFFER];
        let mut events = Vec::with_capacity(self.connections);
        while done.requests < asked {
            events.clear();
            if retry_on_intr(|| epoll::wait(&epoll, spare_capacity(&mut events), Some(&PATIENCE)))? == 0 {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the server says nothing"));
            }
            for event in &events {
                let line = &mut lines[event.data.u64() as usize];
                let read = line.stream.read(&mut buffer)?;
                let Some(body) = self.body(line, &buffer[..read])? else { continue };
                if line.compare {
                    self.compare(line, body, &mut expected)?;
                }
                line.next += body.len() as u64;
                if line.next == line.asked.end {
                    done.latency.push(clock::now() - line.sent);
                    done.requests += 1;
                    done.bytes += line.asked.end - line.asked.start;
                    done.compared += u64::from(line.compare);
                    if asked_bytes < bytes {
                        asked_bytes += self.ask(line, asked, random)?;
                        asked += 1;
                    }
                }
            }
        }
        done.elapsed = clock::now() - began;
        Ok(done)
    }

    fn connect(&self, epoll: &OwnedFd) -> io::Result<Vec<Line>> {
        let connect = |index| {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            epoll::add(epoll, &stream, epoll::EventData::new_u64(index), epoll::EventFlags::IN)?;
            let (head, sent) = (Vec::with_capacity(MAX_HEAD), clock::now());
            Ok(Line { stream, head, in_body: false, file: 0, asked: 0..0, next: 0, compare: false, sent })
        };
        (0..self.connections as u64).map(connect).collect()
    }

    /// How many bytes it asked for.
    fn ask(&self, line: &mut Line, number: u64, random: &mut Random) -> io::Result<u64> {
        line.file = random.below(self.files.len() as u64) as usize;
        let file = &self.files[line.file];
        line.asked = match self.amount {
            Amount::Range(length) => {
                let start = random.below(file.size - length + 1);
                start..start + length
            }
            Amount::Whole => 0..file.size,
        };
        line.next = line.asked.start;
        line.in_body = false;
        line.compare = number.is_multiple_of(self.compare_every);
        // The head's memory also serves to write the request.
        line.head.clear();
        write!(line.head, "GET {} HTTP/1.1\r\nHost: localhost\r\n", file.target)?;
        if let Some(token) = self.token {
            write!(line.head, "Authorization: Bearer {token}\r\n")?;
        }
        if self.amount != Amount::Whole {
            write!(line.head, "Range: bytes={}-{}\r\n", line.asked.start, line.asked.end - 1)?;
        }
        line.head.extend_from_slice(b"\r\n");
        line.sent = clock::now();
        line.stream.write_all(&line.head)?;
        line.head.clear();
        Ok(line.asked.end - line.asked.start)
    }

    /// The part of what was read that belongs to the body; `None` as long as the head is not whole.
    fn body<'b>(&self, line: &mut Line, read: &'b [u8]) -> io::Result<Option<&'b [u8]>> {
        if read.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        let mut body = read;
        if !line.in_body {
            let before = line.head.len();
            line.head.extend_from_slice(&read[..read.len().min(MAX_HEAD)]);
            let Some(end) = head_end(&line.head) else {
                return if line.head.len() < MAX_HEAD { Ok(None) } else { Err(wrong(&line.head)) };
            };
            let (start, last, size) = (line.asked.start, line.asked.end - 1, self.files[line.file].size);
            let range = format!("bytes {start}-{last}/{size}");
            let (status, content_range) = match self.amount {
                Amount::Range(_) => (206, Some(range.as_str())),
                Amount::Whole => (200, None),
            };
            let expected = Head { status, length: Some(last + 1 - start), content_range };
            if Head::parse(&line.head[..end]).is_none_or(|head| head != expected) {
                return Err(wrong(&line.head[..end]));
            }
            line.in_body = true;
            body = &read[end - before..];
        }
        if body.len() as u64 > line.asked.end - line.next {
            return Err(io::Error::other("the body is longer than was told"));
        }
        Ok(Some(body))
    }

    fn compare(&self, line: &Line, body: &[u8], expected: &mut [u8]) -> io::Result<()> {
        let expected = &mut expected[..body.len()];
        let file = &self.files[line.file];
        file.content.read_exact_at(expected, line.next)?;
        if expected != body {
            let (target, at) = (&file.target, line.next);
            return Err(io::Error::other(format!("{target}: wrong bytes at or after {at}")));
        }
        Ok(())
    }
}

fn wrong(head: &[u8]) -> io::Error {
    io::Error::other(format!("not the answer that was asked for: {}", String::from_utf8_lossy(head)))
}
