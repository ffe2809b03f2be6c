//! How recordings leave the volume; and the walk over all that lie there.

use std::fs::{File, ReadDir};
use std::io;
use std::path::Path;

use rustix::fs::FlockOperation;

use super::{PARTS, PEAKS, Volume, VolumeError};
use crate::recording::{Container, Sid};

/// Files of a recording that nobody is served from, and that nobody begins to serve while this lives.
pub struct Claim {
    /// Locked.
    files: Vec<File>,
}

impl Claim {
    /// Whether there is any file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A walk over the names in the volume, in steps.
pub struct Listing(ReadDir);

impl Listing {
    /// The recordings among so many more names, or `None` at the end. Blocks.
    pub fn step(mut self, most: usize) -> io::Result<(Self, Option<Vec<Sid>>)> {
        let mut sids = Vec::new();
        for n in 0..most {
            match self.0.next().transpose()? {
                Some(entry) => sids.extend(entry.file_name().to_str().and_then(Sid::from_file_name)),
                None if n == 0 => return Ok((self, None)),
                None => break,
            }
        }
        Ok((self, Some(sids)))
    }
}

impl Volume {
    /// Claims a recording's files; `None` while somebody, in whatever process on this machine, serves them. Blocks.
    pub fn claim(&self, sid: Sid) -> Result<Option<Claim>, VolumeError> {
        self.check()?;
        let mut files = Vec::new();
        for container in Container::ALL {
            let path = self.path(sid, container);
            match File::open(&path) {
                Ok(file) if !lock(&file, FlockOperation::NonBlockingLockExclusive) => return Ok(None),
                Ok(file) => files.push(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(VolumeError::at(&path, &error)),
            }
        }
        Ok(Some(Claim { files }))
    }

    /// Removes a recording under every name it may have, its parts and its waveform; durably. Whoever has it open can read it until
    /// they let go. Blocks.
    pub fn remove(&self, sid: Sid) -> Result<(), VolumeError> {
        self.check()?;
        // Parts first: what has none left can get no final name any more.
        let parts = self.root.join(PARTS);
        let prefix = format!("{sid}.");
        for entry in std::fs::read_dir(&parts).map_err(|error| VolumeError::at(&parts, &error))? {
            let entry = entry.map_err(|error| VolumeError::at(&parts, &error))?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
                unlink(&entry.path())?;
            }
        }
        let mut removed = false;
        for container in Container::ALL {
            removed |= unlink(&self.path(sid, container))?;
        }
        if removed {
            sync(&self.root)?;
        }
        // After the recording: who draws it meanwhile looks for it once more in the end.
        self.remove_waveform(sid)
    }

    /// Removes a recording's waveform; durably. Blocks.
    fn remove_waveform(&self, sid: Sid) -> Result<(), VolumeError> {
        if unlink(&self.waveform_path(sid))? { sync(&self.root.join(PEAKS)) } else { Ok(()) }
    }

    /// Removes the waveforms of recordings that are not there any more. Blocks for as long as there are waveforms.
    pub fn remove_stray_waveforms(&self) -> Result<(), VolumeError> {
        self.check()?;
        let peaks = self.root.join(PEAKS);
        let failed = |error: io::Error| VolumeError::at(&peaks, &error);
        let entries = match std::fs::read_dir(&peaks) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let Some(sid) = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()) else { continue };
            if Container::ALL.iter().all(|container| !self.path(sid, *container).exists()) {
                self.remove_waveform(sid)?;
            }
        }
        Ok(())
    }

    /// Begins to walk over all names. Blocks.
    pub fn list(&self) -> Result<Listing, VolumeError> {
        self.check()?;
        std::fs::read_dir(&self.root).map(Listing).map_err(|error| VolumeError::at(&self.root, &error))
    }
}

/// Marks a file as being served: it is not claimed meanwhile. False where somebody is about to remove it.
pub fn serve_lock(file: &File) -> bool {
    lock(file, FlockOperation::NonBlockingLockShared)
}

/// Takes the mark away.
pub fn serve_unlock(file: &File) {
    lock(file, FlockOperation::Unlock);
}

/// False only where another holds the lock: a file system without locks knows of nobody.
fn lock(file: &File, operation: FlockOperation) -> bool {
    rustix::fs::flock(file, operation) != Err(rustix::io::Errno::WOULDBLOCK)
}

fn sync(directory: &Path) -> Result<(), VolumeError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| VolumeError::at(directory, &error))
}

fn unlink(path: &Path) -> Result<bool, VolumeError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(VolumeError::at(path, &error)),
    }
}
