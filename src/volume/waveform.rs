//! Waveforms beside the recordings they were drawn of: `.landfall/peaks/<sid>.dat`. Knows no listener.
//!
//! One bears the time of its recording's file, and is good for that file alone. It is a copy of what the recording tells:
//! losing it costs a drawing, so that it need not survive a power cut.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::part::Part;
use super::{Landed, Mapped, PARTS, PEAKS, Volume, VolumeError, open_unnoted};
use crate::audio::peaks::{self, Dat, PeaksError, UNDECODABLE};
use crate::recording::Sid;

/// What a file may be and still be read in: a little more than eight channels have.
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// What is known of a recording's waveform.
pub enum Waveform {
    /// Audiowaveform's `.dat`: its bytes, and how many they are.
    Drawn(Mapped, u64),
    /// The recording cannot be decoded; nobody need try again.
    Undecodable,
}

/// What became of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// It is there.
    Done,
    /// There was nothing to do: it is there already, or known to be undecodable.
    Before,
    /// The recording cannot be decoded.
    Undecodable,
    /// There is no recording.
    Absent,
}

/// Why there is still no waveform.
#[derive(Clone, Debug)]
pub enum DrawError {
    /// The volume failed.
    Volume(VolumeError),
    /// It was stopped.
    Stopped,
}

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(error) => error.fmt(f),
            Self::Stopped => f.write_str("the drawing was stopped"),
        }
    }
}

impl std::error::Error for DrawError {}

impl From<VolumeError> for DrawError {
    fn from(error: VolumeError) -> Self {
        Self::Volume(error)
    }
}

impl Volume {
    /// The waveform of the recording whose file was written at that time, if it was drawn. Blocks.
    pub fn waveform(&self, sid: Sid, modified: i64) -> Result<Option<Waveform>, VolumeError> {
        let path = self.waveform_path(sid);
        match read(&path, modified) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map_err(|error| VolumeError::at(&path, &error)),
        }
    }

    /// Draws a recording's waveform, unless there is one, while `go_on` says so. Blocks, and works hard.
    pub fn draw(&self, sid: Sid, go_on: &mut dyn FnMut() -> bool) -> Result<Drawn, DrawError> {
        let Some(mut landed) = self.find(sid)? else { return Ok(Drawn::Absent) };
        if self.waveform(sid, landed.modified)?.is_some() {
            return Ok(Drawn::Before);
        }
        // A decoder that panics over one odd file would do so again.
        let container = landed.media.container;
        let drawing = catch_unwind(AssertUnwindSafe(|| peaks::draw(&mut landed.file, container, go_on)));
        let (bytes, drawn) = match drawing.unwrap_or(Err(PeaksError::Undecodable)) {
            Ok(peaks) => (peaks.encode(), Drawn::Done),
            Err(PeaksError::Undecodable) => (UNDECODABLE.to_vec(), Drawn::Undecodable),
            Err(PeaksError::Io(error)) => return Err(VolumeError::at(&landed.path, &error).into()),
            Err(PeaksError::Stopped) => return Err(DrawError::Stopped),
        };
        let path = self.waveform_path(sid);
        self.keep(sid, &path, &bytes, landed.modified).map_err(|error| VolumeError::at(&path, &error))?;
        // Whoever removed the recording meanwhile may have looked for its waveform before that was there.
        if !is_there(&landed) {
            let _ = std::fs::remove_file(&path);
            return Ok(Drawn::Absent);
        }
        Ok(drawn)
    }

    pub(super) fn waveform_path(&self, sid: Sid) -> PathBuf {
        self.root.join(PEAKS).join(format!("{sid}.dat"))
    }

    fn keep(&self, sid: Sid, path: &Path, bytes: &[u8], modified: i64) -> io::Result<()> {
        let mut part = Part::create(&self.root.join(PARTS), sid)?;
        part.file.write_all(bytes)?;
        part.file.set_modified(moment(modified))?;
        std::fs::create_dir_all(self.root.join(PEAKS))?;
        std::fs::rename(&part.path, path)
    }
}

/// Reads the header, and the bytes into the page cache.
fn read(path: &Path, modified: i64) -> io::Result<Option<Waveform>> {
    let mut file = open_unnoted(path)?;
    let meta = file.metadata()?;
    if meta.mtime() != modified || meta.len() > MOST_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    file.read_to_end(&mut bytes)?;
    match Dat::read(&bytes) {
        None => Ok(None),
        Some(dat) if dat.is_blank() => Ok(Some(Waveform::Undecodable)),
        Some(_) => Ok(Some(Waveform::Drawn(Mapped::new(file, bytes.len() as u64)?, bytes.len() as u64))),
    }
}

/// Whether a recording's file still has its name.
fn is_there(Landed { path, file, .. }: &Landed) -> bool {
    let inode = |meta: &std::fs::Metadata| (meta.dev(), meta.ino());
    matches!((std::fs::metadata(path), file.metadata()), (Ok(named), Ok(open)) if inode(&named) == inode(&open))
}

/// Seconds since the epoch as the system has them.
fn moment(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { SystemTime::UNIX_EPOCH - since } else { SystemTime::UNIX_EPOCH + since }
}
