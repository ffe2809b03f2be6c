//! Landed files that are open and mapped: a bounded cache, so that a seek costs no look-up. Knows no scope.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock};

use quick_cache::sync::Cache;
use tokio::time::{Duration, Instant};

use crate::range::Validators;
use crate::recording::{self, Media, Recording, Sid};
use crate::volume::{Landed, Mapped, VolumeError, serve_lock, serve_unlock};

/// Files held open and mapped at once. Address space and page tables are what they cost, not memory.
const MOST: usize = 2048;
/// How long after a look a file is believed to lie there still, where nobody notices that it is taken away.
const BELIEVED: Duration = Duration::from_millis(50);
/// How long after its last use a file counts as being served, and stays open: listeners pause.
const IN_USE: Duration = Duration::from_secs(60);

/// The moment that `current_until` counts from.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// An open recording. Its bytes stay readable as long as somebody holds it.
pub struct Shelved {
    /// The name it was asked for by.
    pub asked: Sid,
    /// What is known of it.
    pub recording: Arc<Recording>,
    /// What its header says.
    pub media: Media,
    /// Strong validator, quotes included.
    pub etag: String,
    /// When it was written, in whole seconds since the epoch.
    pub modified: i64,
    /// Its bytes.
    pub bytes: Mapped,
    /// Milliseconds since the epoch until which the file is believed to be as it was.
    current_until: AtomicU64,
    /// Milliseconds since the epoch when somebody last asked for it.
    used: AtomicU64,
    /// It is marked as being served, so that it does not expire meanwhile.
    marked: AtomicBool,
    /// What a protocol says of it in every answer, once it has been put in words.
    pub lines: OnceLock<Box<[u8]>>,
}

impl Shelved {
    /// Maps a landed file. Blocks.
    pub(super) fn map(asked: Sid, recording: Arc<Recording>, landed: Landed) -> Result<Self, VolumeError> {
        let Landed { media, modified, file, path } = landed;
        let bytes = Mapped::new(file, media.size).map_err(|error| VolumeError::at(&path, &error))?;
        // One that is about to expire is served once more; the next look finds it gone.
        let marked = serve_lock(bytes.file());
        let etag = recording::etag(recording.sid, &media);
        Ok(Self {
            asked,
            recording,
            media,
            etag,
            modified,
            bytes,
            current_until: AtomicU64::new(0),
            used: AtomicU64::new(now()),
            marked: AtomicBool::new(marked),
            lines: OnceLock::new(),
        })
    }

    /// What conditional requests are held against.
    pub fn validators(&self) -> Validators<'_> {
        Validators { etag: &self.etag, modified: Some(self.modified) }
    }

    /// Whether the file still has its name and its length, or had a moment ago: one system call that touches no disk,
    /// and not even that for one who is asked again and again.
    fn is_current(&self) -> bool {
        let now = now();
        if now < self.current_until.load(Relaxed) {
            return true;
        }
        self.used.store(now, Relaxed);
        if !self.marked.load(Relaxed) {
            if !serve_lock(self.bytes.file()) {
                return false;
            }
            self.marked.store(true, Relaxed);
        }
        let is_current = rustix::fs::fstat(self.bytes.file())
            .is_ok_and(|stat| stat.st_nlink > 0 && stat.st_size as u64 == self.media.size);
        if is_current {
            self.current_until.store(now + BELIEVED.as_millis() as u64, Relaxed);
        }
        is_current
    }
}

fn now() -> u64 {
    EPOCH.elapsed().as_millis() as u64
}

/// The cache, by the name asked for.
pub(super) struct Shelf(Cache<Sid, Arc<Shelved>>);

impl Default for Shelf {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Shelf {
    /// The file, unless it has been removed or replaced since.
    pub fn get(&self, sid: Sid) -> Option<Arc<Shelved>> {
        let shelved = self.0.get(&sid)?;
        if !shelved.is_current() {
            self.0.remove(&sid);
            return None;
        }
        Some(shelved)
    }

    /// The next who asks for the file looks whether it is still there.
    pub fn doubt(&self, sid: Sid) {
        if let Some(shelved) = self.0.peek(&sid) {
            shelved.current_until.store(0, Relaxed);
        }
    }

    /// Lets go of a recording under all its names.
    pub fn remove(&self, recording: &Recording) {
        for name in recording.names() {
            self.0.remove(&name);
        }
    }

    /// Lets go of what nobody has asked for in a while, and nobody is being sent: its file may expire, and is closed.
    pub fn release_unused(&self) {
        let since = now().saturating_sub(IN_USE.as_millis() as u64);
        let mut unused = Vec::new();
        for (sid, shelved) in self.0.iter() {
            // The shelf holds one reference, this loop another.
            if Arc::strong_count(&shelved) > 2 {
                shelved.used.store(now(), Relaxed);
            } else if shelved.used.load(Relaxed) < since {
                if shelved.marked.swap(false, Relaxed) {
                    serve_unlock(shelved.bytes.file());
                }
                unused.push(sid);
            }
        }
        for sid in unused {
            self.0.remove(&sid);
        }
    }

    /// Lets go of what holds older details of the recording, such as its title.
    pub fn refresh(&self, recording: &Recording) {
        for name in recording.names() {
            if self.0.peek(&name).is_some_and(|shelved| *shelved.recording != *recording) {
                self.0.remove(&name);
            }
        }
    }

    pub fn put(&self, shelved: Shelved) -> Arc<Shelved> {
        let shelved = Arc::new(shelved);
        self.0.insert(shelved.asked, shelved.clone());
        shelved
    }
}
