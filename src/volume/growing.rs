//! A recording that somebody is landing at this moment, as far as it has come. Knows nobody who waits for the rest.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::part::{Extent, PROGRESS};
use super::{open_unnoted, recognise};
use crate::audio::HEAD_BYTES;
use crate::recording::{Media, Sid};

/// Bytes compared at a time.
const COMPARED: usize = 128 * 1024;

/// A part that is being written, here or by another process: what had come of it when it was found stays readable, also when it lands
/// or is given up.
pub struct Growing {
    /// What it is going to be.
    pub media: Media,
    file: File,
    landed: u64,
}

impl Growing {
    /// The part of that recording which has come farthest, if its shape can be told: the source has said how long it is, and its
    /// header has come.
    pub(super) fn find(parts: &Path, sid: Sid) -> io::Result<Option<Self>> {
        let mut farthest: Option<Self> = None;
        for entry in std::fs::read_dir(parts)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.starts_with(sid.as_str()) || path.extension().is_none_or(|extension| extension != PROGRESS) {
                continue;
            }
            // What cannot be read has landed, or was given up: it hides no other attempt.
            if let Ok(Some(growing)) = Self::open(&path)
                && farthest.as_ref().is_none_or(|farthest| farthest.landed < growing.landed)
            {
                farthest = Some(growing);
            }
        }
        Ok(farthest)
    }

    fn open(note: &Path) -> io::Result<Option<Self>> {
        let extent = Extent::read(note)?;
        let (landed, Some(total)) = (extent.landed(), extent.total) else { return Ok(None) };
        // The file has its whole length from the beginning: what has not come yet would read as zeros.
        if landed < total.min(HEAD_BYTES as u64) {
            return Ok(None);
        }
        let file = open_unnoted(&note.with_extension(""))?;
        if !has_writer(&file) {
            return Ok(None);
        }
        let media = recognise(&file, total)?.ok();
        Ok(media.map(|media| Self { media, file, landed }))
    }

    /// Bytes from the beginning on that had come when it was found.
    pub fn landed(&self) -> u64 {
        self.landed
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether another file is this one, or begins with all that had come of it. Blocks.
    pub fn is_beginning_of(&self, other: &File) -> io::Result<bool> {
        let [own, its] = [rustix::fs::fstat(&self.file)?, rustix::fs::fstat(other)?];
        if (own.st_dev, own.st_ino) == (its.st_dev, its.st_ino) {
            return Ok(true);
        }
        let [mut own, mut its] = [vec![0; COMPARED], vec![0; COMPARED]];
        let mut at = 0;
        while at < self.landed {
            let length = (self.landed - at).min(COMPARED as u64) as usize;
            self.file.read_exact_at(&mut own[..length], at)?;
            if other.read_exact_at(&mut its[..length], at).is_err() || own[..length] != its[..length] {
                return Ok(false);
            }
            at += length as u64;
        }
        Ok(true)
    }

    /// Bytes that have come, from `at` on, and so many at the most. Blocks.
    pub fn read(&self, at: u64, most: u64) -> io::Result<Bytes> {
        let mut bytes = vec![0; most.min(self.landed.saturating_sub(at)) as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }
}

/// Whether a part's writer lives: it holds the part's lock. Ours, where we get it, goes with the file, which is not used then.
fn has_writer(file: &File) -> bool {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
}
