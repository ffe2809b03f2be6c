//! Wall clocks of processes that are wrong, or jump; the monotonic clock goes on as it does when somebody sets the time.

use std::path::{Path, PathBuf};

use super::Setting;

/// Debian's package `faketime`, for programs with threads.
const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

/// A clock that can be set while its process runs.
pub struct Clock {
    file: PathBuf,
    library: &'static str,
}

impl Clock {
    /// One that is off by so many hours; its file lies in that directory.
    pub fn off_by(directory: &Path, name: &str, hours: i32) -> Self {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let library = library.expect("libfaketime: apt-get install faketime");
        let clock = Self { file: directory.join(name), library };
        clock.set(hours);
        clock
    }

    /// From now on it is off by so much.
    pub fn set(&self, hours: i32) {
        // In one rename: half a file would be another time.
        let draft = self.file.with_extension("draft");
        std::fs::write(&draft, format!("{hours:+}h\n")).expect("a file");
        std::fs::rename(&draft, &self.file).expect("a rename");
    }

    /// What makes a process go by it.
    pub fn settings(&self) -> [Setting; 5] {
        [
            ("LD_PRELOAD", self.library.into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            // Files have the time of the file system, which may be another machine's.
            ("NO_FAKE_STAT", "1".into()),
        ]
    }
}
