//! Bodies over mapped files. What is in the page cache goes out as one slice; what is not is read in elsewhere first,
//! so that a cold disk stalls nobody but the one who waits for it. And over what is still landing, as it comes.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use futures_util::stream;
use http_body_util::StreamBody;
use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;

use super::headers::Representation;
use crate::delivery::{FollowError, Following, Shelved};
use crate::http::problem::Problem;
use crate::recording::{Code, Media};
use crate::volume::{WINDOW, blocking};

/// Where bytes come from.
pub(super) enum Source {
    /// A file.
    Landed(Arc<Shelved>),
    /// A part of one. It takes the place of a request that waits, until it has landed.
    Landing { following: Box<Following>, place: Option<OwnedSemaphorePermit> },
}

impl Source {
    pub fn representation(&self) -> Representation<'_> {
        match self {
            Self::Landed(shelved) => (&**shelved).into(),
            Self::Landing { following, .. } => (&**following).into(),
        }
    }

    /// The first bytes of a range, at least one, and a window at the most.
    async fn next(&mut self, range: &Range<u64>) -> Result<Bytes, BoxError> {
        match self {
            Self::Landed(shelved) => {
                let window = range.start..range.end.min(range.start + WINDOW);
                warm(shelved, &window).await?;
                Ok(shelved.bytes.slice(window))
            }
            Self::Landing { following, place } => {
                let cut = |error: &FollowError| debug!(%error, "what is sent while it lands is cut");
                let bytes = following.next(range.clone()).await.inspect_err(cut)?;
                if following.has_landed() {
                    place.take();
                }
                Ok(bytes)
            }
        }
    }
}

/// One range. Up to a window of a file it is one slice; beyond, window after window, each read in before it is sent.
pub(super) async fn bytes(source: Source, range: Range<u64>) -> Result<Body, Problem> {
    match source {
        Source::Landed(shelved) if range.end - range.start <= WINDOW => {
            warm(&shelved, &range).await.map_err(|_| Problem::because(Code::VolumeUnavailable))?;
            Ok(Body::from(shelved.bytes.slice(range)))
        }
        source => Ok(pieces(source, VecDeque::from([Piece::Range(range)]))),
    }
}

/// Several ranges as `multipart/byteranges` (RFC 9110 §14.6): its content type, its length, and the body.
pub(super) fn multipart(source: Source, ranges: Vec<Range<u64>>) -> (HeaderValue, u64, Body) {
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let Media { container, size, .. } = source.representation().media;
    let mut parts = VecDeque::with_capacity(ranges.len() * 2 + 1);
    let mut length = 0;
    for range in ranges {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: {}\r\nContent-Range: bytes {}-{}/{size}\r\n\r\n",
            container.content_type(),
            range.start,
            range.end - 1
        );
        length += head.len() as u64 + (range.end - range.start);
        parts.extend([Piece::Text(head.into()), Piece::Range(range)]);
    }
    let end = format!("\r\n--{boundary}--\r\n");
    length += end.len() as u64;
    parts.push_back(Piece::Text(end.into()));
    let kind = HeaderValue::from_str(&format!("multipart/byteranges; boundary={boundary}"));
    let kind = kind.unwrap_or(HeaderValue::from_static("multipart/byteranges"));
    (kind, length, pieces(source, parts))
}

enum Piece {
    Text(Bytes),
    Range(Range<u64>),
}

/// Piece after piece. An error ends the body before its length: the client sees that it is cut, never a short whole.
fn pieces(source: Source, pieces: VecDeque<Piece>) -> Body {
    let frames = stream::unfold((source, pieces), |(mut source, mut pieces)| async move {
        let frame = match pieces.pop_front()? {
            Piece::Text(text) => Ok(text),
            Piece::Range(range) => source.next(&range).await.inspect(|bytes| {
                let rest = range.start + bytes.len() as u64..range.end;
                if !rest.is_empty() {
                    pieces.push_front(Piece::Range(rest));
                }
            }),
        };
        Some((frame.map(http_body::Frame::data), (source, pieces)))
    });
    Body::new(StreamBody::new(frames))
}

/// Makes sure that sending the range cannot wait for a disk.
async fn warm(shelved: &Arc<Shelved>, range: &Range<u64>) -> std::io::Result<()> {
    if shelved.bytes.is_warm(range) {
        return Ok(());
    }
    let (shelved, range) = (shelved.clone(), range.clone());
    blocking(move || shelved.bytes.warm(&range)).await
}
