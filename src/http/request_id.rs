//! The id of a request, by which its log lines are found: a proxy's, or our own.

use axum::http::HeaderName;

use super::fields::Fields;

/// Where the proxy in front, or nobody, has written it; and where the answer tells it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id taken over from a proxy.
const MOST: usize = 64;

/// The id that a proxy gave the request, if it is harmless; else a new one.
pub fn request_id(request: &impl Fields) -> String {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let given = request.text(&REQUEST_ID);
    let given = given.filter(|id| (1..=MOST).contains(&id.len()) && id.as_bytes().iter().all(harmless));
    given.map_or_else(fresh, str::to_owned)
}

/// A new id.
pub fn fresh() -> String {
    let number = rand::random::<u64>();
    let digit = |n: u32| char::from(b"0123456789abcdef"[(number >> (60 - 4 * n)) as usize & 15]);
    (0..16).map(digit).collect()
}
