//! Who is asking. Knows tokens, links, keys and whom else to ask; neither our requests nor our status codes.

mod denied;
mod forward;
mod jwt;
mod keys;
mod keyset;
mod links;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use url::Url;

use crate::recording::{Scope, Tenant, Timestamp};
use crate::secret::Secret;

pub use denied::{AuthError, Denied, SignError};
pub use forward::{Credentials, Forward, ForwardOptions, Standing};
pub use jwt::Grant;
use jwt::Verifier;
pub use keyset::keys_at;
pub use links::{LinkDenied, LinkError, Links, MOST_USER, Opens, Presented, Purpose, Signed};

/// How far the clocks of an issuer and ours may differ: a token is good until this long after its `exp`.
pub const LEEWAY: Duration = Duration::from_secs(30);
/// The longest token that is looked at; the HTTP server bounds headers in much the same way.
const MOST_TOKEN_BYTES: usize = 8 * 1024;
/// Verified tokens that are remembered: a seek must not cost a signature check.
const REMEMBERED: usize = 16 * 1024;
/// How long a verified token is believed without another look at its key, which may have been withdrawn.
const BELIEVED: Duration = Duration::from_secs(300);
/// The last second that RFC 3339 can write; later expiries are read as this one.
const END_OF_TIME: Timestamp = Timestamp(253_402_207_200_000);

/// What a caller may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Hears and downloads its tenant's recordings.
    Agent,
    /// Also erases, holds and reads the audit of its tenant.
    Admin,
    /// A back end: registers calls, and does what an admin does, for every tenant.
    Service,
}

impl Role {
    /// Its name in the `role` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = [Self::Agent, Self::Admin, Self::Service].into_iter().find(|role| role.as_str() == name);
        known.ok_or("a role is agent, admin or service")
    }
}

/// Somebody whose token was good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The `sub` claim; the role's name where a token has none. Unique within its tenant only.
    pub user: Arc<str>,
    /// Whose recordings exist for this caller.
    pub scope: Scope,
    /// What the caller may do.
    pub role: Role,
    /// The `exp` claim, without the leeway.
    pub expires: Timestamp,
}

impl Caller {
    /// Whether the token has run out at that moment, leeway included (RFC 7519 §4.1.4).
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires.plus(LEEWAY)
    }
}

/// How callers are told apart.
#[derive(Clone, Debug)]
pub enum AuthOptions {
    /// By a signed token.
    Jwt(JwtOptions),
    /// By an endpoint that knows its own callers.
    Forward(Box<ForwardOptions>),
    /// Not at all: everybody is an admin of the tenant `default`. For a developer's own machine.
    None,
}

/// Which tokens are good. At least one of the four kinds of keys is needed for any to be.
#[derive(Clone, Debug, Default)]
pub struct JwtOptions {
    /// Verifies HS256 tokens that name none of `secrets`, whatever else their header says.
    pub secret: Option<Secret>,
    /// Secrets by name, for rotation: each verifies the HS256 tokens whose `kid` it is, and no others. The newest comes
    /// last.
    pub secrets: Vec<NamedSecret>,
    /// A key set (RFC 7517) to fetch, for RS256, ES256 and EdDSA.
    pub jwks_url: Option<Url>,
    /// The same in a file; used where no URL is given.
    pub jwks_file: Option<PathBuf>,
    /// The claim that names the tenant.
    pub tenant_claim: String,
}

/// A secret with the name that tokens call it by.
#[derive(Clone, Debug)]
pub struct NamedSecret {
    /// The `kid` of a token's header (RFC 7515 §4.1.4).
    pub kid: String,
    /// At least 32 bytes (RFC 7518 §3.2).
    pub secret: Secret,
}

/// The door. Cheap to ask: a token seen before costs one hash.
pub struct Auth(Mode);

enum Mode {
    Jwt { verifier: Verifier, seen: Cache<[u8; 32], Seen> },
    Forward(Forward),
    None(Arc<Caller>),
}

#[derive(Clone)]
struct Seen {
    caller: Arc<Caller>,
    until: Timestamp,
}

impl Auth {
    /// Prepares keys. Reads the key file, where one is configured, and fetches nothing yet.
    pub fn new(options: AuthOptions) -> Result<Self, AuthError> {
        Ok(Self(match options {
            AuthOptions::Jwt(options) => Mode::Jwt { verifier: Verifier::new(options)?, seen: Cache::new(REMEMBERED) },
            AuthOptions::Forward(options) => Mode::Forward(Forward::new(*options)?),
            AuthOptions::None => Mode::None(Arc::new(Caller {
                user: "anyone".into(),
                scope: Tenant::new("default").map_or(Scope::Every, Scope::Tenant),
                role: Role::Admin,
                expires: END_OF_TIME,
            })),
        }))
    }

    /// The caller that needs no token, in the mode that asks for none.
    pub fn anyone(&self) -> Option<Arc<Caller>> {
        match &self.0 {
            Mode::Jwt { .. } | Mode::Forward(_) => None,
            Mode::None(anyone) => Some(anyone.clone()),
        }
    }

    /// Whom to ask with all that a request brings, in the mode that does.
    pub fn forward(&self) -> Option<&Forward> {
        match &self.0 {
            Mode::Forward(forward) => Some(forward),
            Mode::Jwt { .. } | Mode::None(_) => None,
        }
    }

    /// Whose token this is. May wait for a key set or the endpoint, for seconds at most.
    pub async fn verify(&self, token: &str) -> Result<Arc<Caller>, Denied> {
        self.verify_at(token, Timestamp::now()).await
    }

    /// Whose token this is, if that has been found out already, and until when that is believed.
    pub fn recall(&self, token: &str) -> Option<(Arc<Caller>, Timestamp)> {
        let Mode::Jwt { seen, .. } = &self.0 else { return None };
        seen.get(&digest(token.as_bytes()))
            .filter(|hit| Timestamp::now() < hit.until)
            .map(|hit| (hit.caller, hit.until))
    }

    /// Whether this token was good when it was last looked at. It need not be any more.
    pub fn has_seen(&self, token: &str) -> bool {
        match &self.0 {
            Mode::Jwt { seen, .. } => seen.get(&digest(token.as_bytes())).is_some(),
            Mode::Forward(forward) => Credentials::bearer(token).is_ok_and(|token| forward.recall(&token).is_some()),
            Mode::None(_) => true,
        }
    }

    async fn verify_at(&self, token: &str, now: Timestamp) -> Result<Arc<Caller>, Denied> {
        let (verifier, seen) = match &self.0 {
            Mode::Jwt { verifier, seen } => (verifier, seen),
            Mode::Forward(forward) => return forward.ask(&Credentials::bearer(token)?).await,
            Mode::None(anyone) => return Ok(anyone.clone()),
        };
        if token.is_empty() {
            return Err(Denied::Missing);
        }
        if token.len() > MOST_TOKEN_BYTES {
            return Err(Denied::Malformed("it is longer than 8 KiB"));
        }
        // The hash and not the token itself: a core dump need not hold ten thousand good tokens.
        let key = digest(token.as_bytes());
        if let Some(hit) = seen.get(&key) {
            if now < hit.until {
                return Ok(hit.caller);
            }
            seen.remove(&key);
        }
        let caller = Arc::new(verifier.verify(token, now).await?);
        let until = caller.expires.plus(LEEWAY).min(now.plus(BELIEVED));
        seen.insert(key, Seen { caller: caller.clone(), until });
        Ok(caller)
    }
}

/// By which secrets are remembered: SHA-256 (FIPS 180-4).
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    use aws_lc_rs::digest::{SHA256, digest};
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, bytes).as_ref());
    key
}
