//! The origin behind other people's caches: one file under any name, late and slow as a provider's, that counts who asks; knows no cache.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use loadtest::measure::clock;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Parts of a second's bytes that are sent one by one, as the simulated provider does it.
pub(crate) const PARTS: u64 = 20;

/// Runs until it is dropped.
pub(crate) struct Origin {
    // It owns the task that listens.
    _runtime: Runtime,
    address: SocketAddr,
    file: Arc<File>,
}

struct File {
    content: Bytes,
    latency: Duration,
    bytes_per_second: u64,
    seen: Mutex<Seen>,
}

/// What was asked for since the last time that somebody looked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    /// When the last byte of the last body was handed to its connection.
    pub(crate) ended: Option<Instant>,
}

impl Origin {
    /// Serves `content` as `/media/<any name>`, each answer so late and its body so slow.
    pub(crate) fn start(content: Bytes, latency: Duration, bytes_per_second: u64) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let file = Arc::new(File { content, latency, bytes_per_second, seen: Mutex::default() });
        let routes = Router::new().route("/media/{name}", get(answer)).with_state(Arc::clone(&file));
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { _runtime: runtime, address, file })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen; it counts anew from here.
    pub(crate) fn seen(&self) -> Seen {
        self.file.note(std::mem::take)
    }
}

impl File {
    fn note<T>(&self, note: impl FnOnce(&mut Seen) -> T) -> T {
        // A number is right whoever panicked meanwhile.
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(State(file): State<Arc<File>>, headers: HeaderMap) -> Response {
    file.note(|seen| seen.requests += 1);
    tokio::time::sleep(file.latency).await;
    let size = file.content.len() as u64;
    let asked = headers.get(RANGE).and_then(|range| range.to_str().ok()).and_then(|range| parse(range, size));
    let (status, range) = match asked {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        None => (StatusCode::OK, 0..size),
    };
    let mut told: Vec<(HeaderName, String)> = vec![
        (CONTENT_TYPE, "audio/mpeg".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (ETAG, "\"one\"".to_owned()),
        (CONTENT_LENGTH, (range.end - range.start).to_string()),
    ];
    if status == StatusCode::PARTIAL_CONTENT {
        told.push((CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1)));
    }
    let mut response = (status, body(file, range)).into_response();
    for (name, value) in told {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `bytes=first-last` or `bytes=first-`, the end clamped; what is anything else is answered as if it were not there.
fn parse(range: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let last: u64 = if last.is_empty() { size - 1 } else { last.parse().ok()? };
    let end = last.checked_add(1)?.min(size);
    (first < end).then_some(first..end)
}

/// The bytes, no faster than they may be.
fn body(file: Arc<File>, range: Range<u64>) -> Body {
    let began = tokio::time::Instant::now();
    Body::from_stream(stream::unfold((file, range.start), move |(file, next)| {
        let Range { start, end } = range;
        async move {
            if next == end {
                return None;
            }
            let due = Duration::from_secs_f64((next - start) as f64 / file.bytes_per_second as f64);
            tokio::time::sleep_until(began + due).await;
            let until = (next + file.bytes_per_second / PARTS).min(end);
            if until == end {
                file.note(|seen| seen.ended = Some(clock::now()));
            }
            let part = file.content.slice(next as usize..until as usize);
            Some((io::Result::Ok(part), (file, until)))
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped_and_nonsense_is_none() {
        assert_eq!(parse("bytes=0-9", 100), Some(0..10));
        assert_eq!(parse("bytes=90-199", 100), Some(90..100));
        assert_eq!(parse("bytes=90-", 100), Some(90..100));
        assert_eq!(parse("bytes=100-", 100), None);
        assert_eq!(parse("bytes=-5", 100), None);
        assert_eq!(parse("lines=0-9", 100), None);
    }
}
