//! Marks: each process writes its own into the volume, anew with every beat, so that others can see whether they look at
//! the same directory. Knows no other process.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use super::{OWN, Volume, VolumeError};

/// Where the marks are.
const MARKS: &str = "processes";
/// A mark that nobody has renewed for so long is a dead process's.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

impl Volume {
    /// Leaves the mark of a process: that it has come to this beat. Blocks.
    pub fn leave_mark(&self, process: &str, beat: u64) -> Result<(), VolumeError> {
        let path = self.mark(process);
        let draft = path.with_extension("draft");
        let written = std::fs::write(&draft, beat.to_string());
        let written = match written {
            // The directory is made anew where somebody has emptied the volume, and never elsewhere: without an identity
            // this is no volume.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.check()?;
                let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
                made.and_then(|()| std::fs::write(&draft, beat.to_string()))
            }
            written => written,
        };
        written.and_then(|()| std::fs::rename(&draft, &path)).map_err(|error| VolumeError::at(&path, &error))
    }

    /// The beat of the mark that a process has left here; `None` where there is no such mark. Blocks.
    pub fn mark_of(&self, process: &str) -> Result<Option<u64>, VolumeError> {
        let path = self.mark(process);
        match std::fs::read_to_string(&path) {
            // Half a mark is none yet.
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VolumeError::at(&path, &error)),
        }
    }

    /// Takes the mark of a process away, and those of processes that are long dead. Blocks.
    pub fn remove_mark(&self, process: &str) {
        // Ages by the clock of the file system, which wrote our own mark a moment ago: this machine's may be days ahead.
        let now = std::fs::metadata(self.mark(process)).and_then(|meta| meta.modified());
        // What is left here is taken away by the next one to leave.
        let _ = std::fs::remove_file(self.mark(process));
        let Ok(now) = now else { return };
        let Ok(entries) = std::fs::read_dir(self.root.join(OWN).join(MARKS)) else { return };
        for entry in entries.flatten() {
            let left = entry.metadata().and_then(|meta| meta.modified());
            let age = left.map(|left| now.duration_since(left).unwrap_or_default());
            if age.is_ok_and(|age| age > ABANDONED) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn mark(&self, process: &str) -> PathBuf {
        self.root.join(OWN).join(MARKS).join(process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_seen_by_who_looks_at_the_same_directory_and_by_nobody_else() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let volume = Volume::open(here.path()).unwrap();
        let (same, other) = (Volume::open(here.path()).unwrap(), Volume::open(there.path()).unwrap());
        for beat in [1, 2] {
            volume.leave_mark("p", beat).unwrap();
            assert_eq!(same.mark_of("p").unwrap(), Some(beat));
        }
        assert_eq!(other.mark_of("p").unwrap(), None);
        volume.remove_mark("p");
        assert_eq!(same.mark_of("p").unwrap(), None);
    }

    #[test]
    fn no_mark_is_left_where_the_volume_has_gone() {
        let directory = tempfile::tempdir().unwrap();
        let volume = Volume::open(directory.path()).unwrap();
        std::fs::remove_dir_all(directory.path().join(OWN)).unwrap();
        assert!(volume.leave_mark("p", 1).is_err());
        assert!(!directory.path().join(OWN).exists());
    }
}
