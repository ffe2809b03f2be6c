//! A head that the HTTP library cannot read is refused by itself, in a status line alone. Here that is said as every other error is: as a
//! problem, with an id.

use std::io::IoSlice;

use axum::http::StatusCode;
use tokio::time::Duration;
use tracing::debug;

use crate::http::problem::Problem;
use crate::http::request_id::{REQUEST_ID, fresh};
use crate::telemetry;

/// A refusal in place of the library's own, on its way.
pub(super) struct Refusal {
    /// The answer, and how much of it has been written.
    pub text: Vec<u8>,
    pub written: usize,
    /// As long as what stands for it.
    pub instead_of: usize,
}

impl Refusal {
    /// What is to be written instead of these bytes, if they refuse a head.
    pub fn of(library: &[IoSlice<'_>]) -> Option<Self> {
        let code = library.first()?.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        let status = StatusCode::from_bytes(code).ok().filter(StatusCode::is_client_error)?;
        let id = fresh();
        let body = serde_json::to_vec(&Problem::unreadable(status).document(&id)).ok()?;
        let (reason, length) = (status.canonical_reason().unwrap_or_default(), body.len());
        let mut text = format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\n{REQUEST_ID}: {id}\r\ncontent-length: {length}\r\n\
             cache-control: no-store\r\nconnection: close\r\n\r\n",
            status.as_u16()
        )
        .into_bytes();
        text.extend(body);
        debug!(request_id = id, status = status.as_u16(), "a head that cannot be read");
        telemetry::http_request("other".into(), "other", status.as_u16(), Duration::ZERO);
        Some(Self { text, written: 0, instead_of: library.iter().map(|part| part.len()).sum() })
    }
}
