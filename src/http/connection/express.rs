//! The express way: a request for media at hand, read and answered without the HTTP library, whose header maps would
//! cost more than sending a small range. Takes only heads that arrive whole, plain and alone; leaves all else as it came.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderName, Method};
use bytes::Bytes;
use tokio::io::ReadBuf;
use tokio::time::{Duration, Instant};
use tracing::debug;

use super::alarm::Alarm;
use super::wire::Wire;
use super::{HEAD_WITHIN, IDLE_WITHIN};
use crate::audit::Done;
use crate::catalog::Action;
use crate::http::app::App;
use crate::http::caller::{Peer, client_address};
use crate::http::fields::{Fields, Parsed};
use crate::http::landed::{Familiar, tell_ahead};
use crate::http::media::{AtHand, Disposition, FILE};
use crate::http::request_id::request_id;
use crate::recording::Timestamp;
use crate::telemetry;

/// Longest head that is looked at; those of browsers have about 1 KiB, and a token may have some more.
const MOST_HEAD: usize = 8 * 1024;
/// More fields than a browser sends.
const MOST_FIELDS: usize = 32;
/// What makes a request something else than one head for one answer.
const NOT_PLAIN: [HeaderName; 4] = [CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE];

thread_local! {
    /// Where heads are read to: an idle connection holds no buffer.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; MOST_HEAD].into());
    /// The date of answers (RFC 9110 §6.6.1), and the second since the epoch that it tells.
    static DATE: RefCell<(u64, String)> = RefCell::default();
}

/// What has come.
pub enum Next {
    /// A request that this answers, after [`Express::head`].
    Answer(AtHand),
    /// Something else; the wire holds it.
    Other,
    /// The end of the connection.
    Closed,
}

/// A connection that waits for its next request.
pub struct Express {
    peer: Peer,
    /// The head of the answer in hand.
    head: Vec<u8>,
    since: Instant,
    /// How long from then to the next request.
    within: Duration,
    alarm: Alarm,
    /// The worker at the other end, where there is one.
    worker: Option<Box<Familiar>>,
}

impl Express {
    pub fn new(peer: Peer) -> Self {
        let since = Instant::now();
        Self { peer, head: Vec::new(), since, within: HEAD_WITHIN, alarm: Alarm::at(since + HEAD_WITHIN), worker: None }
    }

    /// The head of the answer that was given last.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// An answer is on its way: from now on the next request is waited for.
    pub fn answered(&mut self) {
        (self.since, self.within) = (Instant::now(), IDLE_WITHIN);
    }

    /// Waits for a request. Takes nothing from the wire before it is ready. Without `media`, no request is answered or looked
    /// ahead at.
    pub async fn next(&mut self, wire: &mut Wire, media: Option<&App>) -> Next {
        let before = wire.take_back();
        if !before.is_empty() {
            wire.put_back(before);
            return Next::Other;
        }
        poll_fn(|cx| READ.with_borrow_mut(|buffer| self.poll_next(cx, wire, media, buffer))).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, wire: &mut Wire, media: Option<&App>, to: &mut [u8]) -> Poll<Next> {
        let mut read = ReadBuf::new(to);
        match wire.poll_receive(cx, &mut read) {
            Poll::Ready(Ok(())) if !read.filled().is_empty() => {}
            Poll::Ready(_) => return Poll::Ready(Next::Closed),
            Poll::Pending => {
                ready!(self.poll_alarm(cx));
                return Poll::Ready(Next::Closed);
            }
        }
        (self.since, self.within) = (Instant::now(), IDLE_WITHIN);
        let answer = media.and_then(|app| self.answer(app, read.filled()));
        Poll::Ready(answer.map_or_else(
            || {
                if let Some(app) = media {
                    tell_ahead(app, read.filled(), &mut self.worker);
                }
                wire.put_back(Bytes::copy_from_slice(read.filled()));
                Next::Other
            },
            Next::Answer,
        ))
    }

    /// Ready when nothing has come for too long.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.alarm.poll(cx, self.since + self.within));
        if self.within == HEAD_WITHIN {
            telemetry::limited("slow_head");
        }
        Poll::Ready(())
    }

    /// The answer to what was read, if that is one whole plain request, and its media are at hand.
    fn answer(&mut self, app: &App, read: &[u8]) -> Option<AtHand> {
        // Before anything is parsed: most of what is no request for media is told by this.
        let target = read.strip_prefix(b"GET ")?;
        target.strip_prefix(FILE.as_bytes())?;
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let is_alone = matches!(request.parse(read), Ok(httparse::Status::Complete(length)) if length == read.len());
        if !is_alone || request.version != Some(1) {
            return None;
        }
        let target = request.path?.strip_prefix(FILE)?;
        let fields = &Parsed::new(request.headers);
        if !is_plain(fields) {
            return None;
        }
        let (caller, answer) = AtHand::look(app, target, fields)?;
        let (who, address) = (Some((&*caller.user, &caller.scope)), client_address(self.peer, fields));
        app.parts.audit.note(Done { action: Action::Played, outcome: "ok", sid: answer.sid(), who, address });
        let id = request_id(fields);
        self.head.clear();
        with_date(|date| answer.write_head(&mut self.head, app, fields, &id, date));
        let (method, status, took) = (Method::GET, answer.status(), self.since.elapsed());
        let route = Disposition::Inline.route();
        debug!(request_id = id, %method, route, status, "answered");
        telemetry::hot_request(route, "GET", status, took);
        telemetry::media_request("hit", route, answer.length(), took);
        Some(answer)
    }
}

/// Whether a request is one head for one answer, after which the connection goes on. Browsers ask for that although it is the rule
/// (RFC 9112 §9.3).
fn is_plain(request: &impl Fields) -> bool {
    let goes_on = |value: &[u8]| value.eq_ignore_ascii_case(b"keep-alive");
    request.values(&CONNECTION).all(goes_on) && NOT_PLAIN.iter().all(|name| request.values(name).next().is_none())
}

fn with_date(write: impl FnOnce(&str)) {
    let second = Timestamp::now().0.unsigned_abs() / 1000;
    DATE.with_borrow_mut(|(told, date)| {
        if *told != second {
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            (*told, *date) = (second, httpdate::fmt_http_date(moment));
        }
        write(date);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::{limited, recorder};
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_let_go_soon_and_one_that_has_asked_after_a_minute() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut wire = Wire::new(listener.accept().await.unwrap().0, None);
        let peer = Peer([127, 0, 0, 1].into());
        let mut express = Express::new(peer);
        let begun = Instant::now();
        assert!(matches!(express.next(&mut wire, None).await, Next::Closed));
        assert!((HEAD_WITHIN..IDLE_WITHIN).contains(&begun.elapsed()));
        // As if an answer had been given later than the alarm was set.
        let mut express = Express::new(peer);
        express.since += Duration::from_secs(5);
        express.within = IDLE_WITHIN;
        let begun = Instant::now();
        assert!(matches!(express.next(&mut wire, None).await, Next::Closed));
        assert!(begun.elapsed() >= IDLE_WITHIN + Duration::from_secs(5));
        assert_eq!(limited(&recorder, "slow_head"), 1.0, "a kept connection's silence is usual");
    }
}
