//! From the first byte to the final name: nothing partial is ever visible under it.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;

use super::part::Part;
use super::{PARTS, VolumeError, recognise};
use crate::audio::NotAudio;
use crate::recording::{Media, Sid};

/// Why a recording did not land.
#[derive(Debug)]
pub enum LandingError {
    /// The volume failed.
    Volume(VolumeError),
    /// Fewer or more bytes came than were announced.
    WrongLength {
        /// What was announced.
        announced: u64,
        /// What came.
        came: u64,
    },
    /// What came is no whole recording.
    NotAudio(NotAudio),
}

impl fmt::Display for LandingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(error) => error.fmt(f),
            Self::WrongLength { announced, came } => write!(f, "{announced} bytes were announced, {came} came"),
            Self::NotAudio(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for LandingError {}

/// A landing under way. Dropping it leaves nothing behind. All methods block.
pub struct Landing {
    root: PathBuf,
    sid: Sid,
    total: Option<u64>,
    written: u64,
    part: Part,
}

impl Landing {
    pub(super) fn begin(root: &Path, sid: Sid, total: Option<u64>) -> Result<Self, LandingError> {
        let parts = root.join(PARTS);
        let part = Part::create(&parts, sid).map_err(|error| volume(&parts, &error))?;
        if let Some(total) = total.filter(|total| *total > 0) {
            // A full disk is better known now than after the last byte but one.
            match rustix::fs::fallocate(&part.file, FallocateFlags::empty(), 0, total) {
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
                Err(error) => return Err(volume(&part.path, &error.into())),
            }
        }
        Ok(Self { root: root.into(), sid, total, written: 0, part })
    }

    /// Adds bytes at the end.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LandingError> {
        let came = self.written + bytes.len() as u64;
        if let Some(announced) = self.total.filter(|total| came > *total) {
            return Err(LandingError::WrongLength { announced, came });
        }
        self.part.file.write_all_at(bytes, self.written).map_err(|error| volume(&self.part.path, &error))?;
        self.written = came;
        Ok(())
    }

    /// Lets others read what has been written so far. A file beside the part is replaced: not for every write.
    pub fn show(&self) -> Result<(), LandingError> {
        self.part.note(self.written, self.total).map_err(|error| volume(&self.part.path, &error))
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Verifies length and container, makes the bytes durable, gives them their final name and makes that durable.
    /// Once this returns, the recording survives a power cut.
    pub fn commit(mut self) -> Result<Media, LandingError> {
        let came = self.written;
        if let Some(announced) = self.total.filter(|total| came != *total) {
            return Err(LandingError::WrongLength { announced, came });
        }
        let path = self.part.path.clone();
        let fail = |error: &io::Error| volume(&path, error);
        let media = recognise(&self.part.file, came).map_err(|error| fail(&error))?.map_err(LandingError::NotAudio)?;
        self.part.file.sync_all().and_then(|()| self.part.close()).map_err(|error| fail(&error))?;
        let name = self.root.join(format!("{}.{}", self.sid, media.container.extension()));
        std::fs::rename(&self.part.path, &name).map_err(|error| fail(&error))?;
        File::open(&self.root).and_then(|directory| directory.sync_all()).map_err(|error| fail(&error))?;
        Ok(media)
    }
}

fn volume(path: &Path, error: &io::Error) -> LandingError {
    LandingError::Volume(VolumeError::at(path, error))
}
