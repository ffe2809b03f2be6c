//! A recording that is still being written, and the note beside it that tells other processes how far it is.
//!
//! `.landfall/parts/<sid>.<attempt>` holds the bytes, locked (shared) by its writer for as long as that lives;
//! `<sid>.<attempt>.progress` holds `{total, landed, at}`, replaced whole as often as its writer says, so that any process
//! can serve what has landed so far (`growing`).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::recording::{Sid, Timestamp};

/// Extension of the note.
pub(super) const PROGRESS: &str = "progress";
/// Extension of a note that is being written.
const DRAFT: &str = "draft";

pub(super) struct Part {
    pub file: File,
    pub path: PathBuf,
}

#[derive(Serialize)]
struct Note {
    #[serde(flatten)]
    extent: Extent,
    /// Heartbeat.
    at: Timestamp,
}

/// How far a part is.
#[derive(Serialize, Deserialize)]
pub(super) struct Extent {
    /// Bytes there will be, when the source has told.
    pub total: Option<u64>,
    /// Extents from..to that can be read.
    landed: [(u64, u64); 1],
}

impl Extent {
    /// What the note at that path says.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// Bytes from the beginning on that can be read.
    pub fn landed(&self) -> u64 {
        let [(from, to)] = self.landed;
        if from == 0 { to } else { 0 }
    }
}

impl Part {
    /// A new part; its name has never been used before.
    pub fn create(parts: &Path, sid: Sid) -> io::Result<Self> {
        let path = parts.join(format!("{sid}.{}", uuid::Uuid::new_v4().simple()));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared)?;
        Ok(Self { file, path })
    }

    /// Lets nobody write to it any more: what is open for writing under a final name has not landed. It stays locked.
    pub fn close(&mut self) -> io::Result<()> {
        let reader = File::open(&self.path)?;
        rustix::fs::flock(&reader, FlockOperation::NonBlockingLockShared)?;
        self.file = reader;
        Ok(())
    }

    /// Notes how far it is.
    pub fn note(&self, landed: u64, total: Option<u64>) -> io::Result<()> {
        let note = Note { extent: Extent { total, landed: [(0, landed)] }, at: Timestamp::now() };
        let draft = self.beside(DRAFT);
        std::fs::write(&draft, serde_json::to_vec(&note)?)?;
        std::fs::rename(&draft, self.beside(PROGRESS))
    }

    fn beside(&self, extension: &str) -> PathBuf {
        self.path.with_added_extension(extension)
    }
}

impl Drop for Part {
    /// A landing that was given up leaves nothing; one that was completed has moved its part away.
    fn drop(&mut self) {
        // A disk that was full has left the draft.
        for path in [&self.beside(DRAFT), &self.beside(PROGRESS), &self.path] {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes the parts whose writers are dead: the kernel has dropped their locks.
pub(super) fn sweep(parts: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(parts)? {
        let path = entry?.path();
        let beside = matches!(path.extension().and_then(|e| e.to_str()), Some(PROGRESS | DRAFT));
        let bytes = if beside { path.with_extension("") } else { path.clone() };
        let dead = match File::open(&bytes) {
            Ok(file) => rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if dead {
            for stale in [&path, &bytes] {
                match std::fs::remove_file(stale) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}
