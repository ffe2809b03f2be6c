//! A connection's bytes: what is a part of a mapped file is sent by the kernel from the page cache (`sendfile`), all
//! else as usual. Knows neither HTTP nor whose bytes they are.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant};

use super::alarm::Alarm;
use crate::http::limits::Seat;
use crate::http::socket::Descriptor;
use crate::telemetry;
use crate::volume::{Backed, backing};

/// Bytes sent in one go: the other connections of the lane have their turn in between.
const MOST_AT_ONCE: usize = 2 * 1024 * 1024;
/// A client that takes nothing for so long is gone, or wants to hold the connection.
const STALLED: Duration = Duration::from_secs(60);

/// A TCP connection.
pub(super) struct Wire {
    stream: TcpStream,
    /// Bytes that were read before somebody knew who is to have them.
    ahead: Bytes,
    /// Of the writes that wait for the client, once one has.
    stall: Option<Box<Stall>>,
    /// Goes where the connection goes: a socket keeps its place.
    _seat: Option<Seat>,
}

/// How long a write has been waiting.
struct Stall {
    since: Option<Instant>,
    alarm: Alarm,
}

impl Stall {
    fn new() -> Box<Self> {
        Box::new(Self { since: None, alarm: Alarm::at(Instant::now() + STALLED) })
    }

    /// Ready when the write that waits now has waited for too long.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.alarm.poll(cx, since + STALLED)
    }
}

impl Wire {
    pub fn new(stream: TcpStream, seat: Option<Seat>) -> Self {
        Self { stream, ahead: Bytes::new(), stall: None, _seat: seat }
    }

    /// What the kernel calls the connection, for as long as it is open.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor(self.stream.as_raw_fd())
    }

    /// Gives bytes back, to be read again before all others.
    pub fn put_back(&mut self, bytes: Bytes) {
        self.ahead = bytes;
    }

    /// What was given back and not been read again yet.
    pub fn take_back(&mut self) -> Bytes {
        std::mem::take(&mut self.ahead)
    }

    /// Reads what has come from the client, and nothing that was given back.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }

    /// Sends a head and the part of a file that follows it, which is not empty.
    pub async fn send(&mut self, mut head: &[u8], mut part: Backed<'_>) -> io::Result<()> {
        while !head.is_empty() || !part.bytes.is_empty() {
            let sent = poll_fn(|cx| {
                let before = [IoSlice::new(head)];
                let sent = self.poll_send(cx, if head.is_empty() { &[] } else { &before }, part);
                self.bounded(cx, sent)
            });
            let sent = sent.await?;
            if sent >= MOST_AT_ONCE {
                // A client with a fast network would otherwise keep the lane until it has all.
                tokio::task::yield_now().await;
            }
            let of_head = sent.min(head.len());
            head = &head[of_head..];
            part = part.after(sent - of_head);
        }
        Ok(())
    }

    /// Ends a write that has waited for too long.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if let Some(stall) = &mut self.stall {
                stall.since = None;
            }
            return written;
        }
        ready!(self.stall.get_or_insert_with(Stall::new).poll_over(cx));
        telemetry::limited("slow_reader");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends what stands before the file's bytes, then these.
    fn poll_send(&self, cx: &mut Context<'_>, before: &[IoSlice<'_>], part: Backed<'_>) -> Poll<io::Result<usize>> {
        let stream = &self.stream;
        loop {
            ready!(stream.poll_write_ready(cx))?;
            let mut is_full = false;
            let sent = stream.try_io(Interest::WRITABLE, || {
                let mut sent = 0;
                for bytes in before {
                    // Held back for the file's bytes: a segment and a wake-up of the reader less.
                    let flags = SendFlags::NOSIGNAL | SendFlags::MORE;
                    let taken = rustix::net::send(stream.as_fd(), bytes, flags).or_else(|e| partial(sent, e))?;
                    sent += taken;
                    if taken < bytes.len() {
                        return Ok(sent);
                    }
                }
                let mut offset = part.offset;
                let most = part.bytes.len().min(MOST_AT_ONCE);
                match rustix::fs::sendfile(stream.as_fd(), part.file, Some(&mut offset), most) {
                    // The file is shorter than its mapping: as little may be sent as if the page were gone.
                    Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(bytes) => {
                        is_full = bytes < most && !has_room(stream);
                        Ok(sent + bytes)
                    }
                    // A file system without it: the slice itself is as good.
                    Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                        let rest = rustix::net::send(stream.as_fd(), &part.bytes[..most], SendFlags::NOSIGNAL);
                        Ok(sent + rest.or_else(|error| partial(sent, error))?)
                    }
                    Err(error) => Ok(sent + partial(sent, error)?),
                }
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => {
                    if is_full {
                        // Asked again at once, it would take a segment at a time.
                        let _ = stream.try_io(Interest::WRITABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
                    }
                    return Poll::Ready(sent);
                }
            }
        }
    }
}

/// Whether the connection takes more now. Where it does not, the kernel tells when it does.
fn has_room(stream: &TcpStream) -> bool {
    let mut asked = [PollFd::new(stream, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    !matches!(rustix::event::poll(&mut asked, Some(&now)), Ok(0))
}

/// What was sent before an error counts; the error comes again with the next write.
fn partial(sent: usize, error: rustix::io::Errno) -> Result<usize, rustix::io::Errno> {
    if sent > 0 { Ok(0) } else { Err(error) }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.ahead.has_remaining() {
            let most = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(most));
            return Poll::Ready(Ok(()));
        }
        // SAFETY: the view is only written to, and what was written is what the cursor is advanced by.
        let read = unsafe {
            let mut view = ReadBuf::uninit(buf.as_mut());
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut view))?;
            view.filled().len()
        };
        // SAFETY: as above.
        unsafe { buf.advance(read) };
        Poll::Ready(Ok(()))
    }
}

/// However small a part of a file is: touched once, it would be mapped in with its neighbours, and a long recording
/// would count as ours bit by bit.
impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = match backing(buf) {
            Some(part) => self.poll_send(cx, &[], part),
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        };
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let found = bufs.iter().enumerate().find_map(|(n, buf)| Some((n, backing(buf)?)));
        let written = match found {
            Some((n, part)) => self.poll_send(cx, &bufs[..n], part),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        };
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::telemetry::testing::{limited, recorder};

    async fn pair() -> (TcpStream, Wire) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, Wire::new(listener.accept().await.unwrap().0, None))
    }

    fn mapped(size: u64) -> crate::volume::Mapped {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        crate::volume::Mapped::new(file, size).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_let_go() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let (client, mut wire) = pair().await;
        // More than the kernel's buffers hold.
        let mapped = mapped(64 * 1024 * 1024);
        let begun = Instant::now();
        let sent = wire.send(b"head", mapped.part(&(0..64 * 1024 * 1024))).await;
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= STALLED);
        assert_eq!(limited(&recorder, "slow_reader"), 1.0);
        drop(client);
    }

    #[tokio::test]
    async fn whoever_reads_slowly_has_every_byte_of_the_head_and_of_the_part_behind_it() {
        let bytes: Vec<u8> = (0..5 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let mapped = crate::volume::Mapped::new(file, bytes.len() as u64).unwrap();
        let part = 1001..bytes.len() as u64 - 3;
        let (mut client, mut wire) = pair().await;
        let read = async {
            let mut heard = Vec::new();
            let mut some = vec![0; 30_011];
            while heard.len() < 4 + (part.end - part.start) as usize {
                let more = client.read(&mut some).await.unwrap();
                assert!(more > 0, "cut after {} bytes", heard.len());
                heard.extend_from_slice(&some[..more]);
            }
            heard
        };
        let (heard, sent) = tokio::join!(read, wire.send(b"head", mapped.part(&part)));
        sent.unwrap();
        assert!(heard == [b"head", &bytes[part.start as usize..part.end as usize]].concat());
    }

    /// How the HTTP library ends with a client that asks, and then takes nothing of a body that never ends.
    async fn stalled(frame: Bytes) -> (hyper::Error, Duration) {
        let (mut client, wire) = pair().await;
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let answer = |_| {
            let frames = stream::repeat(frame.clone()).map(|frame| Ok::<_, Infallible>(Frame::data(frame)));
            std::future::ready(Ok::<_, Infallible>(hyper::Response::new(StreamBody::new(frames))))
        };
        let begun = Instant::now();
        let ended = http1::Builder::new().serve_connection(wire, service_fn(answer)).await;
        (ended.unwrap_err(), begun.elapsed())
    }

    /// An event stream is such a body.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_of_the_librarys_answer_is_let_go() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let (error, took) = stalled(Bytes::from(vec![b'x'; 64 * 1024])).await;
        assert!(error.to_string().contains("error writing"), "{error}");
        assert_eq!(limited(&recorder, "slow_reader"), 1.0);
        assert!((STALLED..2 * STALLED).contains(&took));
    }

    /// A large file and several ranges are such a body.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_of_several_parts_of_a_file_is_let_go() {
        let slice = mapped(64 * 1024).slice(0..64 * 1024);
        assert!(backing(&slice).is_some());
        let (_, took) = stalled(slice).await;
        assert!((STALLED..2 * STALLED).contains(&took));
    }
}
