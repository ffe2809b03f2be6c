//! A connection's bytes: what is a part of a mapped file is sent by the kernel from the page cache (`sendfile`), all
//! else as usual. Knows neither HTTP nor whose bytes they are.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::volume::{Backing, backing};

/// Bytes sent in one go: the other connections of the lane have their turn in between.
const MOST_AT_ONCE: usize = 1024 * 1024;

/// A TCP connection as the HTTP server sees it.
pub(super) struct Wire(TokioIo<TcpStream>);

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        Self(TokioIo::new(stream))
    }

    /// Sends what stands before the file's bytes so that it leaves together with them, then these.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        before: &[IoSlice<'_>],
        slice: &[u8],
        part: &Backing<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = self.0.inner();
        loop {
            ready!(stream.poll_write_ready(cx))?;
            let sent = stream.try_io(Interest::WRITABLE, || {
                let mut sent = 0;
                for bytes in before {
                    // More follows: the kernel waits for it before it makes a segment.
                    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
                    sent += rustix::net::send(stream.as_fd(), bytes, flags).or_else(|e| partial(sent, e))?;
                }
                if sent < before.iter().map(|bytes| bytes.len()).sum() {
                    return Ok(sent);
                }
                let mut offset = part.offset;
                let most = slice.len().min(MOST_AT_ONCE);
                match rustix::fs::sendfile(stream.as_fd(), part.file, Some(&mut offset), most) {
                    // The file is shorter than its mapping: as little may be sent as if the page were gone.
                    Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(bytes) => Ok(sent + bytes),
                    // A file system without it: the slice itself is as good.
                    Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                        let rest = rustix::net::send(stream.as_fd(), &slice[..most], SendFlags::NOSIGNAL);
                        Ok(sent + rest.or_else(|error| partial(sent, error))?)
                    }
                    Err(error) => Ok(sent + partial(sent, error)?),
                }
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

/// What was sent before an error counts; the error comes again with the next write.
fn partial(sent: usize, error: rustix::io::Errno) -> Result<usize, rustix::io::Errno> {
    if sent > 0 { Ok(0) } else { Err(error) }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

/// However small a part of a file is: touched once, it would be mapped in with its neighbours, and a long recording
/// would count as ours bit by bit.
impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match backing(buf) {
            Some(part) => self.poll_send(cx, &[], buf, &part),
            None => Pin::new(&mut self.0).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let found = bufs.iter().enumerate().find_map(|(n, buf)| Some((n, buf, backing(buf)?)));
        match found {
            Some((n, buf, part)) => self.poll_send(cx, &bufs[..n], buf, &part),
            None => Pin::new(&mut self.0).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
