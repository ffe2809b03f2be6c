//! What a request brings to be known by, as it came: to be shown to the endpoint and to nobody else.

use std::fmt;
use std::sync::Arc;

use crate::auth::{Denied, digest};

/// The longest that are looked at: cookies of a site have some KiB together.
const MOST_BYTES: usize = 16 * 1024;

/// A Cookie field, an Authorization field, or both. Cheap to clone, and never printed.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    authorization: Vec<u8>,
    cookie: Vec<u8>,
    digest: [u8; 32],
}

impl Credentials {
    /// The values of the two fields; the lines of several Cookie fields are one (RFC 9113 §8.2.3). Too long ones are
    /// [`Denied::Malformed`], none at all [`Denied::Missing`].
    pub fn new<'a>(authorization: Option<&[u8]>, cookies: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Denied> {
        let authorization = authorization.unwrap_or_default().trim_ascii().to_vec();
        let mut cookie = Vec::new();
        for line in cookies {
            if !cookie.is_empty() {
                cookie.extend_from_slice(b"; ");
            }
            cookie.extend_from_slice(line.trim_ascii());
        }
        if authorization.is_empty() && cookie.is_empty() {
            return Err(Denied::Missing);
        }
        if authorization.len() + cookie.len() > MOST_BYTES {
            return Err(Denied::Malformed("Cookie and Authorization are longer than 16 KiB together"));
        }
        // A line end stands in neither field: no two pairs of them read the same.
        let digest = digest(&[&authorization[..], b"\n", &cookie].concat());
        Ok(Self(Arc::new(Inner { authorization, cookie, digest })))
    }

    /// A token by itself, as if it had come in the Authorization field.
    pub fn bearer(token: &str) -> Result<Self, Denied> {
        if token.is_empty() {
            return Err(Denied::Missing);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Denied::Malformed("it has characters that stand in no token"));
        }
        Self::new(Some(format!("Bearer {token}").as_bytes()), None)
    }

    /// Whether a browser may have added them by itself, to what a foreign page has sent: a cookie, or a password that
    /// it remembers. Only a page that may read our answers can send a bearer token.
    pub fn are_ambient(&self) -> bool {
        !self.cookie().is_empty() || self.token().is_none()
    }

    /// The bearer token among them.
    pub(super) fn token(&self) -> Option<&str> {
        let (scheme, token) = std::str::from_utf8(self.authorization()).ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    pub(super) fn authorization(&self) -> &[u8] {
        &self.0.authorization
    }

    pub(super) fn cookie(&self) -> &[u8] {
        &self.0.cookie
    }

    /// What stands for them where they are remembered: a core dump need not hold ten thousand good cookies.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.0.digest
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}
