//! Calls and their files: names, speech, and landing as a worker does that is not Landfall's.

use std::fs::{File, hard_link, rename};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use loadtest::measure::clock;
use loadtest::random::Random;
use loadtest::speech::Speech;

/// Call SIDs; the same seed gives the same ones.
pub(crate) fn sids(seed: u64, count: usize) -> Vec<String> {
    let mut random = Random::seeded(seed);
    (0..count).map(|_| format!("CA{}", random.hex32())).collect()
}

/// Calls as [`loadtest::server::Server::register`] takes them, none of them with a recording's name.
pub(crate) fn unnamed(sids: &[String]) -> Vec<(String, Option<String>)> {
    sids.iter().map(|sid| (sid.clone(), None)).collect()
}

/// Different MP3 files of real speech, of `seconds` each (4,000 bytes a second).
pub(crate) fn recordings(count: u64, seconds: f64) -> Vec<Bytes> {
    let speech = Speech::shipped();
    (0..count).map(|seed| speech.call(seed, seconds).mp3(2)).collect()
}

/// A file that is whole and on the disk, and only lacks its final name.
pub(crate) struct Draft {
    path: PathBuf,
    name: PathBuf,
}

/// When a file got its final name: no earlier than `before` and no later than `after`.
pub(crate) struct Landing {
    pub(crate) before: Instant,
    pub(crate) after: Instant,
}

impl Draft {
    /// Writes a file beside its final name, and flushes it to the disk.
    pub(crate) fn write(volume: &Path, sid: &str, content: &[u8]) -> io::Result<Self> {
        let (path, name) = (volume.join(format!("{sid}.mp3.tmp")), volume.join(format!("{sid}.mp3")));
        let mut file = File::create(&path)?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(Self { path, name })
    }

    /// Renames it.
    pub(crate) fn land(self) -> io::Result<Landing> {
        let before = clock::now();
        rename(self.path, self.name)?;
        Ok(Landing { before, after: clock::now() })
    }

    /// Gives it its final name in a way that inotify does not show: a server learns of it when it is told.
    pub(crate) fn land_unseen(&self) -> io::Result<()> {
        hard_link(&self.path, &self.name)
    }
}

/// Times `1/rate` apart, beginning a little from now.
pub(crate) fn ticks(rate: u32) -> impl Iterator<Item = Instant> {
    let began = clock::now() + Duration::from_millis(100);
    (0u32..).map(move |tick| began + Duration::from_secs(1) * tick / rate)
}
