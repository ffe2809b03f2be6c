//! The shared directory: what has landed, and how to land. Knows neither provider nor protocol.
//!
//! `<volume>/<sid>.<mp3|wav>` holds whole recordings only. `<volume>/.landfall/` is Landfall's own.

mod file_system;
mod growing;
mod identity;
mod inspection;
mod landing;
mod mapped;
mod mark;
mod part;
mod removal;
#[cfg(test)]
mod tests;
mod waveform;
mod whole;

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, ReadDir};
use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

pub use file_system::{Kind, file_system};
pub use growing::Growing;
pub use inspection::{ProbeError, identity_at, probe};
pub use landing::{Landing, LandingError};
pub use mapped::{Backed, Mapped, SMALL, WINDOW, backing};
pub use removal::{Claim, Listing, serve_lock, serve_unlock};
pub use waveform::{DrawError, Drawn, Waveform};

use crate::audio::{self, NotAudio};
use crate::recording::{Container, Media, Sid};

/// Landfall's own directory inside the volume.
const OWN: &str = ".landfall";
/// Files that are still being written.
const PARTS: &str = ".landfall/parts";
/// Waveforms of what has landed.
const PEAKS: &str = ".landfall/peaks";
/// What is read of a file to know it by.
const PAGE: usize = 4096;

/// The shared directory; clones share it.
#[derive(Clone)]
pub struct Volume {
    root: Arc<Path>,
    identity: Arc<RwLock<String>>,
    is_on_network: Arc<AtomicBool>,
    noticed: Arc<whole::Noticed>,
}

/// Why the volume does not answer.
#[derive(Clone, Debug)]
pub enum VolumeError {
    /// No space, or no quota, is left.
    Full,
    /// The workers have another one at its place.
    Elsewhere,
    /// It is gone, read-only, another one, or failing.
    Unavailable(String),
}

impl VolumeError {
    /// What an error of the system means for the volume.
    pub fn at(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Unavailable(format!("{}: {error}", path.display())),
        }
    }
}

impl fmt::Display for VolumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere => f.write_str("the workers land recordings in another volume"),
            Self::Full => f.write_str("no space is left on the volume"),
            Self::Unavailable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for VolumeError {}

/// A recording found in the volume.
pub struct Landed {
    /// What its header says.
    pub media: Media,
    /// When it was written, in whole seconds since the epoch.
    pub modified: i64,
    /// The open file: it stays readable when the name goes.
    pub file: File,
    /// The name it was found under.
    pub path: PathBuf,
}

/// How full the volume is, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// Free for us.
    pub free: u64,
}

/// A count of the volume under way. It takes as long as there are files, and is therefore taken in steps.
pub struct Tally {
    entries: ReadDir,
    /// Recordings counted so far.
    pub recordings: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether all have been counted.
    pub over: bool,
}

impl Tally {
    /// Looks at so many more entries. Blocks.
    pub fn step(mut self, most: usize) -> io::Result<Self> {
        for _ in 0..most {
            let Some(entry) = self.entries.next().transpose()? else {
                self.over = true;
                break;
            };
            if entry.file_name().to_str().and_then(Sid::from_file_name).is_some()
                && let Ok(meta) = entry.metadata()
            {
                self.recordings += 1;
                self.bytes += meta.len();
            }
        }
        Ok(self)
    }
}

impl Volume {
    /// Opens the directory, makes it and its identity when they are missing, and removes the parts of processes
    /// that died. Blocks.
    pub fn open(root: &Path) -> Result<Self, VolumeError> {
        let parts = root.join(PARTS);
        std::fs::create_dir_all(&parts).map_err(|error| VolumeError::at(&parts, &error))?;
        let identity = identity::read_or_create(root)?;
        part::sweep(&parts).map_err(|error| VolumeError::at(&parts, &error))?;
        Ok(Self {
            // Without a slash at its end: names are put behind it.
            root: root.components().collect::<PathBuf>().into(),
            identity: Arc::new(RwLock::new(identity)),
            is_on_network: Arc::new(lies_on_network(root).into()),
            noticed: Arc::default(),
        })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The landed recording of that storage name, if there is one. An empty or unrecognisable file has not landed, and
    /// one that somebody still writes has not either.
    /// Blocks; its cost does not grow with the number of files.
    pub fn find(&self, sid: Sid) -> Result<Option<Landed>, VolumeError> {
        for container in Container::ALL {
            let path = self.path(sid, container);
            match open(&path, || self.noticed.of(sid)) {
                Ok(Some((file, media, modified))) => return Ok(Some(Landed { media, modified, file, path })),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(VolumeError::at(&path, &error)),
            }
        }
        // Not there, or nothing is there any more? Only the identity tells.
        self.check()?;
        Ok(None)
    }

    /// What has come so far of a recording that is being landed, where its shape can be told already. Not where the volume lies
    /// on another machine: what its writer has noted as landed need not have reached this one. Blocks.
    pub fn growing(&self, sid: Sid) -> Result<Option<Growing>, VolumeError> {
        if self.is_on_network() {
            return Ok(None);
        }
        let parts = self.root.join(PARTS);
        Growing::find(&parts, sid).map_err(|error| VolumeError::at(&parts, &error))
    }

    /// A file was given that name, or one that was written under it has been closed: inotify has told.
    pub fn noticed(&self, sid: Sid, is_named: bool) {
        self.noticed.note(sid, is_named);
    }

    /// [`find`](Self::find) away from the reactor: a slow disk stalls nobody else.
    pub async fn find_off_thread(&self, sid: Sid) -> Result<Option<Landed>, VolumeError> {
        let volume = self.clone();
        blocking(move || volume.find(sid)).await
    }

    /// Whether the directory is still there and still the same one. Blocks.
    pub fn check(&self) -> Result<(), VolumeError> {
        let found = identity::read(&self.root)?;
        if found != *self.identity.read().unwrap_or_else(PoisonError::into_inner) {
            return Err(VolumeError::Unavailable(format!("{}: another volume is mounted here", self.root.display())));
        }
        Ok(())
    }

    /// Takes the directory that is there now for the right one: others have proven that they look at it too. Blocks.
    pub fn adopt(&self) -> Result<(), VolumeError> {
        let found = identity::read(&self.root)?;
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = found;
        self.is_on_network.store(lies_on_network(&self.root), Relaxed);
        Ok(())
    }

    /// Whether it lies on another machine: then what others write there is noticed late, and not by inotify, and a look at a
    /// file may take long.
    pub fn is_on_network(&self) -> bool {
        self.is_on_network.load(Relaxed)
    }

    /// Whether a file can be written here. Blocks.
    pub fn check_writable(&self) -> Result<(), VolumeError> {
        self.check()?;
        let probe = self.root.join(OWN).join(format!("probe.{}", uuid::Uuid::new_v4()));
        let written = std::fs::write(&probe, b"landfall");
        let removed = std::fs::remove_file(&probe);
        written.and(removed).map_err(|error| VolumeError::at(&probe, &error))
    }

    /// Starts to land a recording of `total` bytes, when the source has told. Blocks.
    pub fn begin(&self, sid: Sid, total: Option<u64>) -> Result<Landing, LandingError> {
        self.check().map_err(LandingError::Volume)?;
        Landing::begin(&self.root, sid, total)
    }

    /// How much room there is. Blocks.
    pub fn space(&self) -> Result<Space, VolumeError> {
        let stat = rustix::fs::statvfs(&*self.root).map_err(|error| VolumeError::at(&self.root, &error.into()))?;
        Ok(Space { free: stat.f_bavail.saturating_mul(stat.f_frsize) })
    }

    /// Begins to count what lies here. Blocks.
    pub fn tally(&self) -> Result<Tally, VolumeError> {
        let entries = std::fs::read_dir(&self.root).map_err(|error| VolumeError::at(&self.root, &error))?;
        Ok(Tally { entries, recordings: 0, bytes: 0, over: false })
    }

    fn path(&self, sid: Sid, container: Container) -> PathBuf {
        let (root, sid, extension) = (self.root.as_os_str(), sid.as_str(), container.extension());
        // Made in one piece: listeners wait for it.
        let mut path = OsString::with_capacity(root.len() + sid.len() + extension.len() + 2);
        path.push(root);
        for part in ["/", sid, ".", extension] {
            path.push(part);
        }
        path.into()
    }
}

fn lies_on_network(root: &Path) -> bool {
    file_system(root).is_ok_and(|(_, kind)| matches!(kind, Kind::Network | Kind::Program))
}

/// Opens a final name, and tells by its header what it is and when it was written; `None` for what is no recording.
fn open(path: &Path, noticed: impl FnOnce() -> Option<whole::Notice>) -> io::Result<Option<(File, Media, i64)>> {
    use rustix::fs::FileType;
    let file = match open_unnoted(path) {
        Ok(file) => file,
        Err(rustix::io::Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() || !whole::is_whole(&file, &stat, noticed) {
        return Ok(None);
    }
    let media = recognise(&file, stat.st_size as u64)?;
    Ok(media.ok().map(|media| (file, media, stat.st_mtime)))
}

/// Opens a file to read it, and leaves no trace of that: the first look at a new file would otherwise be written down in its inode
/// (relatime), which takes longer than the look.
fn open_unnoted(path: &Path) -> rustix::io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    // A fifo or a link to somewhere else must neither block nor leave the volume.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = match open(path, flags | OFlags::NOATIME, Mode::empty()) {
        // Only a file's owner may ask for that.
        Err(rustix::io::Errno::PERM) => open(path, flags, Mode::empty()),
        opened => opened,
    };
    opened.map(File::from)
}

/// What the first bytes of a file of that length make it.
fn recognise(file: &File, length: u64) -> io::Result<Result<Media, NotAudio>> {
    // Nearly every header fits into one page, for which no memory need be asked; the rest is read only for what does not.
    let mut page = [MaybeUninit::uninit(); PAGE];
    let (head, _) = rustix::io::pread(file, &mut page, 0)?;
    let found = audio::probe(head, length);
    let is_all = head.len() as u64 == length;
    // Some file systems give less than was asked for.
    if is_all || (head.len() == PAGE && found.is_ok()) {
        return Ok(found);
    }
    let (mut head, mut filled) = (vec![0; audio::HEAD_BYTES], 0);
    while filled < head.len() {
        match rustix::io::pread(file, &mut head[filled..], filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(audio::probe(&head[..filled], length))
}

/// Runs what blocks where it may.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
