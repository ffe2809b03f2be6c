//! HTTP/1.1 over one kept connection, blocking; only what an API needs: no chunked bodies, no redirects, no TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(70);

/// A connection to an HTTP server.
#[derive(Debug)]
pub struct Http {
    stream: BufReader<TcpStream>,
    authorization: String,
    request: Vec<u8>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// `Content-Range`, if there is one.
    pub content_range: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body, if the status is that one; else an error that shows what came.
    pub fn expect(self, status: u16) -> io::Result<Vec<u8>> {
        if self.status == status {
            return Ok(self.body);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(io::Error::other(format!("status {} instead of {status}: {body}", self.status)))
    }
}

impl Http {
    /// Connects; with a token, every request carries it.
    pub fn connect(address: SocketAddr, token: Option<&str>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let authorization = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        Ok(Self { stream: BufReader::new(stream), authorization, request: Vec::new() })
    }

    /// Asks and waits for the answer. `headers` are whole lines, each with its line end; a body is JSON.
    pub fn send(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) -> io::Result<Reply> {
        self.ask(method, target, headers, body)?;
        self.reply(method == "HEAD")
    }

    /// Asks like [`Http::send`], and leaves the answer to [`Http::answer`].
    pub fn ask(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) -> io::Result<()> {
        self.request.clear();
        write!(self.request, "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{}{headers}", self.authorization)?;
        if !body.is_empty() {
            write!(self.request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())?;
        }
        self.request.extend_from_slice(b"\r\n");
        self.request.extend_from_slice(body);
        self.stream.get_mut().write_all(&self.request)
    }

    /// Waits for the answer to what was asked, which must not be a `HEAD`.
    pub fn answer(&mut self) -> io::Result<Reply> {
        self.reply(false)
    }

    fn reply(&mut self, without_body: bool) -> io::Result<Reply> {
        let mut head = Vec::with_capacity(512);
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let head = Head::parse(&head).ok_or_else(|| io::Error::other("no HTTP/1.1 answer"))?;
        let length = match head.length {
            _ if without_body || matches!(head.status, 204 | 304) => 0,
            Some(length) => length,
            None => return Err(io::Error::other("an answer without Content-Length")),
        };
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body)?;
        Ok(Reply { status: head.status, content_range: head.content_range.map(str::to_owned), body })
    }
}

/// What matters of the head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) status: u16,
    pub(super) length: Option<u64>,
    pub(super) content_range: Option<&'a str>,
}

impl<'a> Head<'a> {
    pub(super) fn parse(head: &'a [u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let mut found = Self { status, length: None, content_range: None };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                found.length = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("content-range") {
                found.content_range = Some(value.trim());
            }
        }
        Some(found)
    }
}

/// Where the head of an answer ends.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_is_read_whatever_the_case() {
        let head = b"HTTP/1.1 206 Partial Content\r\ncontent-length: 5\r\nContent-Range: bytes 0-4/9\r\n\r\n";
        let expected = Head { status: 206, length: Some(5), content_range: Some("bytes 0-4/9") };
        assert_eq!(Head::parse(head), Some(expected));
        assert_eq!(Head::parse(b"nonsense\r\n\r\n"), None);
    }
}
