//! Signed links: a URL that opens one recording for one purpose, for minutes. Knows the query that makes a URL a link,
//! and where its keys are kept; neither routes nor status codes.

mod query;
mod ring;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use super::Caller;
use crate::catalog::{Catalog, CatalogError, LinkKey};
use crate::recording::{Sid, Tenant, Timestamp};
use crate::secret::Secret;

pub use query::{MOST_USER, Presented};
use ring::Ring;

/// How long a key signs.
const SIGNS_FOR: Duration = Duration::from_secs(86_400);
/// How long a request waits for others that ask the catalog for keys.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a link is for. It opens nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To listen.
    Play,
    /// To save the recording as a file.
    Download,
}

impl Purpose {
    /// Its name in links.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Play => "play",
            Self::Download => "download",
        }
    }
}

/// What a link opens.
#[derive(Clone, Copy, Debug)]
pub struct Opens<'a> {
    /// What for.
    pub purpose: Purpose,
    /// Whose recording it is. Signed, but in no URL: who verifies looks it up.
    pub tenant: &'a Tenant,
    /// The name by which the recording is asked for; its other name is another link's.
    pub sid: Sid,
}

/// A link that was signed. Whoever holds the query may do what it says.
pub struct Signed {
    /// What follows the `?`.
    pub query: String,
    /// From then on it is too late.
    pub expires: Timestamp,
}

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDenied {
    /// It was changed, is used for something else, or is none of ours.
    Invalid,
    /// It was good, but it is too late.
    Expired,
}

impl fmt::Display for LinkDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => {
                "The link does not open this: it was changed, is for another recording or purpose, or its key is no \
                 longer kept. POST /api/recordings/{sid}/link gives a new one."
            }
            Self::Expired => "The link has expired. POST /api/recordings/{sid}/link gives a new one.",
        })
    }
}

impl std::error::Error for LinkDenied {}

/// Why no link was signed.
#[derive(Debug)]
pub enum LinkError {
    /// The catalog, which keeps the keys, does not answer.
    Catalog(CatalogError),
    /// There is no key: the system gave no random bytes, or the clock was set while one was made.
    NoKey,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog(error) => error.fmt(f),
            Self::NoKey => f.write_str("no key to sign links with could be made"),
        }
    }
}

impl std::error::Error for LinkError {}

impl From<CatalogError> for LinkError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

/// Signs links and verifies them, with keys from memory. The catalog is asked only for a key that is not there.
pub struct Links {
    catalog: Arc<dyn Catalog>,
    ttl: Duration,
    ring: RwLock<Ring>,
    /// Held while the catalog is asked; when that was last begun.
    asked: Mutex<Option<Instant>>,
}

impl Links {
    /// Links that are good for `ttl`. Asks for no key yet.
    pub fn new(catalog: Arc<dyn Catalog>, ttl: Duration) -> Self {
        Self { catalog, ttl, ring: RwLock::default(), asked: Mutex::default() }
    }

    /// A link for that user, good from now on. The user's name has at most [`MOST_USER`] bytes.
    pub async fn sign(&self, opens: Opens<'_>, user: &str) -> Result<Signed, LinkError> {
        self.sign_at(opens, user, Timestamp::now()).await
    }

    /// Whether the link opens that, and for whom. Asks nobody: [`learn`](Self::learn) its key first, where that can wait.
    pub fn verify(&self, link: &Presented<'_>, opens: Opens<'_>) -> Result<Caller, LinkDenied> {
        self.read(|ring| ring.verify(link, opens, Timestamp::now()))
    }

    /// Sees to it that the key of that name is in memory, if there is such a key. Many who ask at once cost one look
    /// into the catalog.
    pub async fn learn(&self, kid: &str) -> Result<(), CatalogError> {
        if self.read(|ring| ring.holds(kid)) {
            return Ok(());
        }
        let came = Instant::now();
        let mut asked = self.turn().await?;
        if asked.is_none_or(|at| at <= came) {
            let now = Instant::now();
            self.keep(self.catalog.link_keys().await?);
            *asked = Some(now);
        }
        Ok(())
    }

    async fn sign_at(&self, opens: Opens<'_>, user: &str, now: Timestamp) -> Result<Signed, LinkError> {
        let expires = end_of_second(now.plus(self.ttl));
        let sign = || self.read(|ring| ring.sign(opens, user, expires, now)).map(|query| Signed { query, expires });
        if let Some(signed) = sign() {
            return Ok(signed);
        }
        let _turn = self.turn().await?;
        // Somebody else may have been quicker.
        if let Some(signed) = sign() {
            return Ok(signed);
        }
        let fresh = fresh_key(now, self.ttl).ok_or(LinkError::NoKey)?;
        self.keep(self.catalog.renew_link_keys(&fresh, now).await?);
        sign().ok_or(LinkError::NoKey)
    }

    async fn turn(&self) -> Result<MutexGuard<'_, Option<Instant>>, CatalogError> {
        let turn = timeout(PATIENCE, self.asked.lock()).await;
        turn.map_err(|_| CatalogError("it is still being asked for the keys of links".into()))
    }

    fn read<T>(&self, look: impl FnOnce(&Ring) -> T) -> T {
        look(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, keys: Vec<LinkKey>) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Ring::new(keys);
    }
}

/// Links count in whole seconds, and none is good for less than was promised.
fn end_of_second(moment: Timestamp) -> Timestamp {
    Timestamp(moment.plus(Duration::from_millis(999)).seconds() * 1000)
}

fn fresh_key(now: Timestamp, ttl: Duration) -> Option<LinkKey> {
    let (mut kid, mut secret) = ([0; 6], [0; 32]);
    rand::fill(&mut kid).ok()?;
    rand::fill(&mut secret).ok()?;
    let signs_until = now.plus(SIGNS_FOR);
    Some(LinkKey {
        kid: URL_SAFE_NO_PAD.encode(kid),
        secret: Secret::new(&URL_SAFE_NO_PAD.encode(secret)),
        signs_until,
        // Its last link may be rounded up to the second.
        good_until: signs_until.plus(ttl).plus(Duration::from_secs(1)),
    })
}
