//! Where the key set comes from, and when it is read again. What was read once stays until something better comes.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Duration, Instant};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use url::Url;

use super::keys::Keys;
use super::{AuthError, BELIEVED, Denied};

/// Real key sets have a few KiB.
const MOST_BYTES: u64 = 256 * 1024;
/// How long an issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Made-up key names must not become a flood at the issuer.
const BETWEEN_FETCHES: Duration = Duration::from_secs(10);

/// A key set that follows its source.
pub(super) struct KeySet(Arc<Inner>);

struct Inner {
    place: Place,
    keys: RwLock<Option<Keys>>,
    /// When the source was last asked. Whoever holds it is asking.
    turn: Arc<Mutex<Turn>>,
    tasks: TaskTracker,
}

enum Place {
    File(PathBuf),
    Url(Url, reqwest::Client),
}

#[derive(Default)]
struct Turn {
    asked: Option<Instant>,
    version: Option<Version>,
}

/// Tells a file that was written anew.
type Version = (SystemTime, u64);

impl KeySet {
    /// The set behind a URL; first fetched when the first token comes.
    pub(super) fn at(url: Url) -> Result<Self, AuthError> {
        let client = client().map_err(|error| AuthError::Client(error.to_string()))?;
        Ok(Self::new(Place::Url(url, client), None, Turn::default()))
    }

    /// The set in a file, which must be good now.
    pub(super) fn in_file(path: PathBuf) -> Result<Self, AuthError> {
        let named = |why| AuthError::KeyFile(format!("{}: {why}", path.display()));
        let (text, version) = read(&path).map_err(|error| named(error.to_string()))?;
        let keys = Keys::parse(&text).map_err(named)?;
        let turn = Turn { asked: None, version: Some(version) };
        Ok(Self::new(Place::File(path), Some(keys), turn))
    }

    fn new(place: Place, keys: Option<Keys>, turn: Turn) -> Self {
        let turn = Arc::new(Mutex::new(turn));
        Self(Arc::new(Inner { place, keys: RwLock::new(keys), turn, tasks: TaskTracker::new() }))
    }

    /// The key that verifies such a token. Asks the source when there is none, and waits for its answer; asks it
    /// now and then when there is one, and does not wait.
    pub(super) async fn key(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Denied> {
        if let Ok(key) = self.0.find(kid, algorithm) {
            if let Ok(turn) = self.0.turn.clone().try_lock_owned()
                && turn.is_due(BELIEVED)
            {
                self.ask(turn);
            }
            return Ok(key);
        }
        // Those who come while somebody asks wait here, and then find that it is too early to ask again.
        let turn = self.0.turn.clone().lock_owned().await;
        if turn.is_due(self.0.place.pause()) {
            // A task of its own: a caller who hangs up must not end what others wait for. It cannot panic, and if
            // it did, the key would still be missing below.
            let _ = self.ask(turn).await;
        }
        self.0.find(kid, algorithm)
    }

    fn ask(&self, mut turn: OwnedMutexGuard<Turn>) -> tokio::task::JoinHandle<()> {
        let inner = self.0.clone();
        self.0.tasks.spawn(async move {
            turn.asked = Some(Instant::now());
            match inner.place.read(&mut turn.version).await {
                Ok(Some(keys)) => {
                    info!(keys = keys.len(), "key set read");
                    *inner.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
                }
                Ok(None) => {}
                Err(why) => warn!(why, "the key set cannot be read; what was read before stays in use"),
            }
        })
    }
}

impl Turn {
    fn is_due(&self, pause: Duration) -> bool {
        self.asked.is_none_or(|asked| asked.elapsed() >= pause)
    }
}

impl Inner {
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Denied> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.as_ref().ok_or(Denied::KeysUnavailable)?;
        keys.find(kid, algorithm).cloned().ok_or(Denied::UnknownKey)
    }
}

impl Place {
    /// A look at a file's date costs next to nothing.
    fn pause(&self) -> Duration {
        match self {
            Self::File(_) => Duration::ZERO,
            Self::Url(..) => BETWEEN_FETCHES,
        }
    }

    /// What stands there now; `None` when it is what `version` says was read before.
    async fn read(&self, version: &mut Option<Version>) -> Result<Option<Keys>, String> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let known = *version;
                let news = tokio::task::spawn_blocking(move || reread(&path, known)).await;
                let Some((text, now)) = news.map_err(|_| "reading was cancelled")?.map_err(|e| e.to_string())? else {
                    return Ok(None);
                };
                // Noted even when it turns out bad, so that a bad file is not parsed for every bad token.
                *version = Some(now);
                Keys::parse(&text).map(Some)
            }
            Self::Url(url, client) => fetch(client, url).await.and_then(|text| Keys::parse(&text)).map(Some),
        }
    }
}

fn reread(path: &Path, known: Option<Version>) -> io::Result<Option<(Vec<u8>, Version)>> {
    let metadata = std::fs::metadata(path)?;
    if known == Some((metadata.modified()?, metadata.len())) {
        return Ok(None);
    }
    read(path).map(Some)
}

fn read(path: &Path) -> io::Result<(Vec<u8>, Version)> {
    let file = std::fs::File::open(path)?;
    // Before its content: what is written after this look will show as another version.
    let metadata = file.metadata()?;
    let mut text = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 256 KiB"));
    }
    Ok((text, (metadata.modified()?, metadata.len())))
}

/// How many keys of the set at that URL can verify tokens, asked now; else why there is none.
pub async fn keys_at(url: &Url) -> Result<usize, String> {
    let client = client().map_err(|error| error.to_string())?;
    Ok(Keys::parse(&fetch(&client, url).await?)?.len())
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
        // Keys are trusted from the configured place only.
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
}

async fn fetch(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, String> {
    // Without the URL: its query may hold a key.
    let told = |error: reqwest::Error| error.without_url().to_string();
    let mut response = client.get(url.clone()).send().await.map_err(told)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("its source answers {}", response.status()));
    }
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        text.extend_from_slice(&chunk);
        if text.len() as u64 > MOST_BYTES {
            return Err("it is larger than 256 KiB".into());
        }
    }
    Ok(text)
}
