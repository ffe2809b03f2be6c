//! Bodies over mapped files. What is in the page cache goes out as one slice; what is not is read in elsewhere first,
//! so that a cold disk stalls nobody but the one who waits for it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use futures_util::stream;
use http_body_util::StreamBody;

use crate::delivery::Shelved;
use crate::http::problem::Problem;
use crate::recording::{Code, Container};
use crate::volume::{WINDOW, blocking};

/// One range. Up to a window it is one slice; beyond, window after window, each read in before it is sent.
pub(super) async fn bytes(shelved: &Arc<Shelved>, range: Range<u64>) -> Result<Body, Problem> {
    if range.end - range.start > WINDOW {
        return Ok(pieces(shelved.clone(), VecDeque::from([Piece::Range(range)])));
    }
    warm(shelved, &range).await.map_err(|_| Problem::because(Code::VolumeUnavailable))?;
    Ok(Body::from(shelved.bytes.slice(range)))
}

/// Several ranges as `multipart/byteranges` (RFC 9110 §14.6): its content type, its length, and the body.
pub(super) fn multipart(
    shelved: &Arc<Shelved>,
    ranges: Vec<Range<u64>>,
    container: Container,
) -> (HeaderValue, u64, Body) {
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let size = shelved.media.size;
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
    (kind, length, pieces(shelved.clone(), parts))
}

enum Piece {
    Text(Bytes),
    Range(Range<u64>),
}

/// Piece after piece. An error ends the body before its length: the client sees that it is cut, never a short whole.
fn pieces(shelved: Arc<Shelved>, pieces: VecDeque<Piece>) -> Body {
    let frames = stream::unfold((shelved, pieces), |(shelved, mut pieces)| async move {
        let frame = match pieces.pop_front()? {
            Piece::Text(text) => Ok(text),
            Piece::Range(range) => {
                let window = range.start..range.end.min(range.start + WINDOW);
                if window.end < range.end {
                    pieces.push_front(Piece::Range(window.end..range.end));
                }
                warm(&shelved, &window).await.map(|()| shelved.bytes.slice(window))
            }
        };
        Some((frame.map(http_body::Frame::data), (shelved, pieces)))
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
