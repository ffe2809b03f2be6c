//! Thousands of listeners on one thread: WebSockets, event streams and held requests, told apart only while they connect.
//!
//! The client must cost little, because it shares the machine with the server: one epoll set, one buffer, no task and no timer. The
//! time of a message is taken right after it was read, before it is parsed.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::retry_on_intr;
use serde::Deserialize;

use super::frame::{self, Frame};
use super::http::{Head, head_end};
use crate::measure::clock;

/// A handshake that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that wait for the server to speak. Dropping it closes them.
pub struct Listeners {
    epoll: OwnedFd,
    lines: Vec<Line>,
    events: Vec<epoll::Event>,
    buffer: Box<[u8]>,
    /// Lines that may have more to say than was handed on.
    unheard: Vec<usize>,
}

/// What a listener heard.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A message of a WebSocket or of an event stream.
    Message(Message<'a>),
    /// The status of the answer to a held request.
    Status(u16),
    /// The server closed the connection, with that code if a WebSocket has one.
    Closed(Option<u16>),
}

/// A message of Landfall's protocol, as far as everyone needs it.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// `ready`, `subscribed`, …
    #[serde(rename = "type", borrow)]
    pub kind: &'a str,
    /// Which recording it is about, if about one.
    #[serde(borrow)]
    pub sid: Option<&'a str>,
}

#[derive(Debug)]
struct Line {
    stream: TcpStream,
    protocol: Protocol,
    /// The beginning of what has not come to its end.
    pending: Vec<u8>,
    /// Pings that were answered.
    pings: u32,
}

#[derive(Clone, Copy, Debug)]
enum Protocol {
    WebSocket,
    Events,
    Request,
    /// Nothing more is expected.
    Done,
}

impl Listeners {
    /// Nobody yet.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll,
            lines: Vec::new(),
            events: Vec::with_capacity(512),
            buffer: vec![0; 64 * 1024].into_boxed_slice(),
            unheard: Vec::new(),
        })
    }

    /// How many there are, also those that were closed.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Opens a WebSocket with its token in the handshake; its index.
    pub fn web_socket(&mut self, address: SocketAddr, token: &str) -> io::Result<usize> {
        let protocol = format!("Sec-WebSocket-Protocol: landfall.v1, landfall.bearer.{token}\r\n");
        self.upgrade(address, "/ws/recordings", &protocol)
    }

    /// Opens a WebSocket of a server that is not Landfall and knows no users; its index. What it hears must look like Landfall's
    /// messages.
    pub fn foreign_web_socket(&mut self, address: SocketAddr, target: &str) -> io::Result<usize> {
        self.upgrade(address, target, "")
    }

    fn upgrade(&mut self, address: SocketAddr, target: &str, headers: &str) -> io::Result<usize> {
        let mut stream = connect(address)?;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bGFuZGZhbGwtYmVuY2gtMQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut pending = Vec::new();
        loop {
            match stream.read(&mut self.buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => pending.extend_from_slice(&self.buffer[..read]),
            }
            if let Some(end) = head_end(&pending) {
                if !pending.starts_with(b"HTTP/1.1 101") {
                    return Err(io::Error::other(String::from_utf8_lossy(&pending).into_owned()));
                }
                pending.drain(..end);
                return self.add(stream, Protocol::WebSocket, pending);
            }
        }
    }

    /// Opens a stream of Server-Sent Events; its index.
    pub fn events(&mut self, address: SocketAddr, token: &str, target: &str) -> io::Result<usize> {
        self.request(address, token, target, "Accept: text/event-stream\r\n", Protocol::Events)
    }

    /// Sends a request whose answer may be long in coming; its index. `headers` are whole lines.
    pub fn held(&mut self, address: SocketAddr, token: &str, target: &str, headers: &str) -> io::Result<usize> {
        self.request(address, token, target, headers, Protocol::Request)
    }

    fn request(
        &mut self,
        address: SocketAddr,
        token: &str,
        target: &str,
        headers: &str,
        protocol: Protocol,
    ) -> io::Result<usize> {
        let mut stream = connect(address)?;
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
        stream.write_all(request.as_bytes())?;
        self.add(stream, protocol, Vec::new())
    }

    fn add(&mut self, stream: TcpStream, protocol: Protocol, pending: Vec<u8>) -> io::Result<usize> {
        stream.set_nonblocking(true)?;
        let index = self.lines.len();
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        if !pending.is_empty() {
            self.unheard.push(index);
        }
        self.lines.push(Line { stream, protocol, pending, pings: 0 });
        Ok(index)
    }

    /// Sends a text on a WebSocket. It fails when the server lets 100 KB pile up.
    pub fn send(&mut self, index: usize, text: &str) -> io::Result<()> {
        (&self.lines[index].stream).write_all(&frame::text(text.as_bytes()))
    }

    /// How many pings every listener has answered at least.
    pub fn fewest_pings(&self) -> u32 {
        self.lines.iter().map(|line| line.pings).min().unwrap_or(0)
    }

    /// Hands on what is heard until `on` breaks or the time is over, and answers pings meanwhile; whether `on` broke.
    pub fn listen(
        &mut self,
        until: Instant,
        mut on: impl FnMut(usize, Instant, Heard<'_>) -> ControlFlow<()>,
    ) -> io::Result<bool> {
        while let Some(index) = self.unheard.pop() {
            if matches!(self.lines[index].protocol, Protocol::Done) {
                continue;
            }
            let (at, line) = (clock::now(), &mut self.lines[index]);
            let flow = line.hear_rest(|heard| on(index, at, heard))?;
            if matches!(line.protocol, Protocol::Done) {
                epoll::delete(&self.epoll, &line.stream)?;
            }
            if flow.is_break() {
                self.unheard.push(index);
                return Ok(true);
            }
        }
        loop {
            let left = until.saturating_duration_since(clock::now());
            let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            self.events.clear();
            retry_on_intr(|| epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)))?;
            for event in &self.events {
                let index = event.data.u64() as usize;
                let line = &mut self.lines[index];
                let read = match line.stream.read(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    // A connection that was reset is closed too.
                    read => read.unwrap_or(0),
                };
                let at = clock::now();
                let flow = line.hear(&self.buffer[..read], |heard| on(index, at, heard))?;
                if matches!(line.protocol, Protocol::Done) {
                    epoll::delete(&self.epoll, &line.stream)?;
                }
                if flow.is_break() {
                    self.unheard.push(index);
                    return Ok(true);
                }
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }
}

impl Line {
    fn hear(&mut self, new: &[u8], mut on: impl FnMut(Heard<'_>) -> ControlFlow<()>) -> io::Result<ControlFlow<()>> {
        if new.is_empty() {
            self.protocol = Protocol::Done;
            return Ok(on(Heard::Closed(None)));
        }
        if self.pending.is_empty() {
            return self.tell(new, on);
        }
        self.pending.extend_from_slice(new);
        self.hear_rest(on)
    }

    /// What was left when somebody had heard enough.
    fn hear_rest(&mut self, on: impl FnMut(Heard<'_>) -> ControlFlow<()>) -> io::Result<ControlFlow<()>> {
        let bytes = std::mem::take(&mut self.pending);
        self.tell(&bytes, on)
    }

    fn tell(&mut self, bytes: &[u8], mut on: impl FnMut(Heard<'_>) -> ControlFlow<()>) -> io::Result<ControlFlow<()>> {
        let mut done = 0;
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() {
            let Some((length, heard)) = self.next(&bytes[done..])? else { break };
            done += length;
            if let Some(heard) = heard {
                flow = on(heard);
            }
        }
        // An idle line keeps no memory.
        self.pending = bytes[done..].to_vec();
        Ok(flow)
    }

    /// How many of the bytes are dealt with, and what they say, if anything that matters.
    fn next<'a>(&mut self, bytes: &'a [u8]) -> io::Result<Option<(usize, Option<Heard<'a>>)>> {
        match self.protocol {
            Protocol::Done => Ok(None),
            Protocol::Request => {
                let Some(end) = head_end(bytes) else { return Ok(None) };
                self.protocol = Protocol::Done;
                let status = Head::parse(&bytes[..end]).map_or(0, |head| head.status);
                Ok(Some((end, Some(Heard::Status(status)))))
            }
            // The lines of the head, of chunk sizes and of event names are all passed over: `data` repeats the type.
            Protocol::Events => {
                let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
                let data = bytes[..end].strip_prefix(b"data:");
                Ok(Some((end + 1, data.map(message).transpose()?.map(Heard::Message))))
            }
            Protocol::WebSocket => {
                let Some((frame, length)) = frame::parse(bytes) else { return Ok(None) };
                let heard = match frame {
                    Frame::Text(text) => match message(text)? {
                        Message { kind: "ping", .. } => {
                            (&self.stream).write_all(&frame::text(br#"{"type":"pong"}"#))?;
                            self.pings += 1;
                            None
                        }
                        message => Some(Heard::Message(message)),
                    },
                    Frame::Ping(payload) => {
                        (&self.stream).write_all(&frame::pong(payload))?;
                        self.pings += 1;
                        None
                    }
                    Frame::Close(code) => {
                        self.protocol = Protocol::Done;
                        Some(Heard::Closed(code))
                    }
                    Frame::Other => None,
                };
                Ok(Some((length, heard)))
            }
        }
    }
}

fn message(json: &[u8]) -> io::Result<Message<'_>> {
    serde_json::from_slice(json)
        .map_err(|error| io::Error::other(format!("{error} in {}", String::from_utf8_lossy(json))))
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
