//! One request by the HTTP library, or as many as come in one piece: then the connection is handed back, idle.
//!
//! It is idle when the answer's body has been dropped, all that was written has been flushed since, and nothing of the
//! request can be left on the wire: it had no body, or that was read to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use super::wire::Wire;
use super::{HEAD_WITHIN, IDLE_WITHIN};
use crate::http::caller::Peer;
use crate::http::layer::Layer;
use crate::telemetry;

/// How the library let go of a connection.
pub enum After {
    /// Between two requests.
    Idle(Wire),
    /// Ended, or became a socket.
    Closed,
}

/// Answers what comes next, whatever it is.
pub async fn serve_one(wire: Wire, peer: Peer, layer: &Layer, leave: &CancellationToken) -> After {
    let stage = Arc::new(Stage::default());
    let descriptor = wire.descriptor();
    let answer = |mut request: hyper::Request<Incoming>| {
        stage.begin(request.body().is_end_stream());
        request.extensions_mut().insert(descriptor);
        let (layer, stage) = (layer.clone(), stage.clone());
        let request = request.map(|body| Asked { body, stage: stage.clone() });
        async move { Ok::<_, Infallible>(layer.answer(peer, request).await.map(|body| Told { body, stage })) }
    };
    let observed = Observed { wire, stage: stage.clone(), alarm: None, refusal: None };
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        // Counts from the last answer; from the head's first byte counts `Observed`.
        .header_read_timeout(IDLE_WITHIN)
        .serve_connection(observed, service_fn(answer))
        .with_upgrades();
    let mut leaving = pin!(leave.cancelled());
    let mut is_leaving = false;
    let is_idle = poll_fn(|cx| {
        loop {
            match Pin::new(&mut served).poll(cx) {
                Poll::Ready(_) => return Poll::Ready(false),
                Poll::Pending if stage.is_idle() => return Poll::Ready(true),
                Poll::Pending => {}
            }
            // Only now: what has come already is answered.
            if is_leaving || leaving.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            is_leaving = true;
            Pin::new(&mut served).graceful_shutdown();
        }
    });
    if !is_idle.await {
        // A socket reads on, and no heads.
        stage.end();
        return After::Closed;
    }
    match served.into_parts() {
        Some(parts) => {
            let mut wire = parts.io.wire;
            // The beginning of the next request, before what the library has not even taken.
            let rest = wire.take_back();
            wire.put_back(if rest.is_empty() { parts.read_buf } else { [&parts.read_buf[..], &rest].concat().into() });
            After::Idle(wire)
        }
        None => After::Closed,
    }
}

/// How far the request in hand has come.
#[derive(Default)]
struct Stage {
    flags: AtomicU8,
    /// Requests whose head has been read.
    heads: AtomicU32,
}

const ANSWERED: u8 = 1;
const FLUSHED: u8 = 2;
/// A body was announced, and has not been read to its end: only the library knows where that is.
const HAD_BODY: u8 = 4;
/// A head has been read.
const IN_HAND: u8 = 8;

impl Stage {
    fn begin(&self, is_alone: bool) {
        let had_body = if is_alone { self.flags.load(Relaxed) & HAD_BODY } else { HAD_BODY };
        self.flags.store(IN_HAND | had_body, Relaxed);
        self.heads.fetch_add(1, Relaxed);
    }

    fn body_ended(&self) {
        self.flags.fetch_and(!HAD_BODY, Relaxed);
    }

    fn end(&self) {
        self.flags.store(IN_HAND, Relaxed);
    }

    fn answered(&self) {
        self.flags.fetch_or(ANSWERED, Relaxed);
    }

    fn flushed(&self) {
        if self.flags.load(Relaxed) & ANSWERED != 0 {
            self.flags.fetch_or(FLUSHED, Relaxed);
        }
    }

    fn is_idle(&self) -> bool {
        self.flags.load(Relaxed) == IN_HAND | ANSWERED | FLUSHED
    }

    /// Which head what is read now belongs to, if to any.
    fn awaited_head(&self) -> Option<u32> {
        let flags = self.flags.load(Relaxed);
        let is_between = flags & IN_HAND == 0 || flags & (ANSWERED | FLUSHED) == ANSWERED | FLUSHED;
        is_between.then(|| self.heads.load(Relaxed))
    }
}

/// A request's body that tells when it has been read to its end.
struct Asked {
    body: Incoming,
    stage: Arc<Stage>,
}

impl http_body::Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.stage.body_ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that tells when the library has done with it.
struct Told {
    body: Body,
    stage: Arc<Stage>,
}

impl Drop for Told {
    fn drop(&mut self) {
        self.stage.answered();
    }
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that tells when nothing more is to be written, and that ends when a head is too long under way.
struct Observed {
    wire: Wire,
    stage: Arc<Stage>,
    /// Which head has begun, and when it has had its time.
    alarm: Option<(u32, Pin<Box<Sleep>>)>,
    /// What is written in place of what the library says of a head that it cannot read.
    refusal: Option<Box<Refusal>>,
}

impl Observed {
    /// Ready with an error when the head that has begun is not to be waited for any longer.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let awaited = self.stage.awaited_head();
        match &mut self.alarm {
            Some((head, alarm)) if awaited == Some(*head) => ready!(alarm.as_mut().poll(cx)),
            _ => return Poll::Pending,
        }
        telemetry::limited("slow_head");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Writes a refusal in our words, where the library is about to write one in its own: nobody else writes between two requests.
    fn poll_refuse(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Option<Poll<io::Result<usize>>> {
        if self.refusal.is_none() && self.stage.awaited_head().is_some() {
            self.refusal = Refusal::of(bufs).map(Box::new);
        }
        let Refusal { text, written, instead_of } = &mut **self.refusal.as_mut()?;
        while *written < text.len() {
            match Pin::new(&mut self.wire).poll_write(cx, &text[*written..]) {
                Poll::Ready(Ok(more)) if more > 0 => *written += more,
                Poll::Ready(Ok(_)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                other => return Some(other),
            }
        }
        let instead_of = *instead_of;
        self.refusal = None;
        Some(Poll::Ready(Ok(instead_of)))
    }

    /// Something has been read.
    fn heard(&mut self) {
        let begun = self.alarm.as_ref().map(|(head, _)| *head);
        match self.stage.awaited_head() {
            Some(head) if begun == Some(head) => {}
            awaited => self.alarm = awaited.map(|head| (head, Box::pin(sleep(HEAD_WITHIN)))),
        }
    }
}

impl Read for Observed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.wire).poll_read(cx, buf) {
            Poll::Pending => self.poll_alarm(cx),
            read => {
                self.heard();
                read
            }
        }
    }
}

impl Write for Observed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(refused) = self.poll_refuse(cx, &[IoSlice::new(buf)]) {
            return refused;
        }
        Pin::new(&mut self.wire).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(refused) = self.poll_refuse(cx, bufs) {
            return refused;
        }
        Pin::new(&mut self.wire).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.wire).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.stage.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::{limited, recorder};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Duration, Instant};

    /// A client, and a connection that answers everything, with the limits of [`serve_one`]; how long it lasts.
    async fn pair() -> (TcpStream, impl Future<Output = Duration>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let wire = Wire::new(listener.accept().await.unwrap().0, None);
        let stage = Arc::new(Stage::default());
        let observed = Observed { wire, stage: stage.clone(), alarm: None, refusal: None };
        let served = async move {
            let begun = Instant::now();
            let answer = |request: hyper::Request<Incoming>| {
                stage.begin(request.body().is_end_stream());
                let stage = stage.clone();
                async move {
                    let _ = http_body_util::BodyExt::collect(request.into_body()).await;
                    Ok::<_, Infallible>(hyper::Response::new(Told { body: Body::from("ok"), stage }))
                }
            };
            let mut library = http1::Builder::new();
            library.timer(TokioTimer::new()).header_read_timeout(IDLE_WITHIN);
            let _ = library.serve_connection(observed, service_fn(answer)).await;
            begun.elapsed()
        };
        (client, served)
    }

    /// A byte every three seconds, until nobody listens any more.
    async fn drip(client: &mut TcpStream) {
        for byte in b"GET / HTTP/1.1\r\nhost: drip\r\n" {
            if client.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_ten_seconds_however_steadily_it_drips() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let (mut client, served) = pair().await;
        let (took, ()) = tokio::join!(served, drip(&mut client));
        assert_eq!(limited(&recorder, "slow_head"), 1.0);
        assert!((HEAD_WITHIN..IDLE_WITHIN / 2).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_answer_a_client_may_be_silent_for_a_minute_and_then_its_head_has_ten_seconds_again() {
        let (mut client, served) = pair().await;
        let talk = async {
            for _ in 0..2 {
                // With a body whose end nobody tells of: the library keeps such a connection.
                client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody").await.unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b"ok") {
                    answer.push(client.read_u8().await.unwrap());
                }
                tokio::time::sleep(Duration::from_secs(50)).await;
            }
            drip(&mut client).await;
        };
        let (took, ()) = tokio::join!(served, talk);
        assert!((Duration::from_secs(109)..Duration::from_secs(120)).contains(&took), "{took:?}");
    }
}
