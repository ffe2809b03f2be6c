//! The keys in memory, and what they sign: HMAC-SHA256 (RFC 2104) over all that a link says. Asks nobody for anything.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{LinkDenied, Opens, Presented};
use crate::auth::{Caller, Role};
use crate::catalog::LinkKey;
use crate::recording::{Scope, Timestamp};

/// Characters of a signature, and room for its bytes as the decoder reckons it.
const SIGNATURE: usize = 43;
const ROOM: usize = 33;

/// Keys, the newest first.
#[derive(Default)]
pub(super) struct Ring(Vec<Key>);

struct Key {
    kid: String,
    hmac: hmac::Key,
    signs_until: Timestamp,
    good_until: Timestamp,
}

impl Ring {
    pub fn new(keys: Vec<LinkKey>) -> Self {
        Self(keys.into_iter().map(Key::from).collect())
    }

    pub fn holds(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid == kid)
    }

    /// The query of a link; `None` where no key may sign it.
    pub fn sign(&self, opens: Opens<'_>, user: &str, expires: Timestamp, now: Timestamp) -> Option<String> {
        let key = self.0.iter().find(|key| now < key.signs_until && expires <= key.good_until)?;
        let mut link = Presented {
            purpose: opens.purpose.as_str().into(),
            sub: user.into(),
            exp: expires.seconds().to_string().into(),
            kid: key.kid.as_str().into(),
            sig: "".into(),
            is_alone: true,
        };
        link.sig = URL_SAFE_NO_PAD.encode(hmac::sign(&key.hmac, &message(&link, opens))).into();
        Some(link.write())
    }

    /// Whether the link opens that, and for whom.
    pub fn verify(&self, link: &Presented<'_>, opens: Opens<'_>, now: Timestamp) -> Result<Caller, LinkDenied> {
        let key = self.0.iter().find(|key| key.kid == link.kid && now < key.good_until).ok_or(LinkDenied::Invalid)?;
        if link.sig.len() != SIGNATURE || link.purpose != opens.purpose.as_str() {
            return Err(LinkDenied::Invalid);
        }
        // Strict: no two texts are the same signature.
        let mut signature = [0; ROOM];
        let length = URL_SAFE_NO_PAD.decode_slice(link.sig.as_bytes(), &mut signature);
        let length = length.map_err(|_| LinkDenied::Invalid)?;
        // In constant time.
        hmac::verify(&key.hmac, &message(link, opens), &signature[..length]).map_err(|_| LinkDenied::Invalid)?;
        let expires = link.exp.parse::<i64>().map_err(|_| LinkDenied::Invalid)?;
        let expires = Timestamp(expires.saturating_mul(1000));
        if now >= expires {
            return Err(LinkDenied::Expired);
        }
        let scope = Scope::Tenant(opens.tenant.clone());
        Ok(Caller { user: link.sub.as_ref().into(), scope, role: Role::Agent, expires })
    }
}

/// What is signed: each part behind its length, so that no two links have the same message.
fn message(link: &Presented<'_>, opens: Opens<'_>) -> Vec<u8> {
    let parts = [&*link.purpose, opens.tenant.as_str(), opens.sid.as_str(), &*link.sub, &*link.exp, &*link.kid];
    let mut message = Vec::with_capacity(256);
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    message
}

impl From<LinkKey> for Key {
    fn from(LinkKey { kid, secret, signs_until, good_until }: LinkKey) -> Self {
        Self { kid, hmac: hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()), signs_until, good_until }
    }
}
