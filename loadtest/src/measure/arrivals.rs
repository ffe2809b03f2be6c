//! Notes when files get their final name in a directory, as the kernel tells it; knows not what they are.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::{Errno, retry_on_intr};

use super::clock;

/// A watch on one directory. What arrives after it was made is not lost, unless thousands arrive before [`Arrivals::collect`].
#[derive(Debug)]
pub struct Arrivals(OwnedFd);

impl Arrivals {
    /// Watches from now on.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&inotify, directory, WatchFlags::MOVED_TO)?;
        Ok(Self(inotify))
    }

    /// Blocks until `count` files have been renamed to `<stem>.mp3`, or none came for `patience`; when each was seen, by its stem.
    ///
    /// A file is seen later than it arrives by the time that it takes to wake this thread.
    pub fn collect(self, count: usize, patience: Duration) -> io::Result<HashMap<String, Instant>> {
        let mut seen = HashMap::with_capacity(count);
        self.each(count, patience, |stem| {
            seen.insert(stem.to_owned(), clock::now());
            Ok(())
        })?;
        Ok(seen)
    }

    /// The same, but tells of each file at once.
    pub fn each(self, count: usize, patience: Duration, mut on: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let mut missing = count;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&self.0, &mut buffer);
        let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
        while missing > 0 {
            match events.next() {
                Ok(event) => {
                    let name = event.file_name().and_then(|name| name.to_str().ok()).unwrap_or_default();
                    if let Some(stem) = name.strip_suffix(".mp3") {
                        on(stem)?;
                        missing -= 1;
                    }
                }
                Err(Errno::AGAIN) => {
                    if retry_on_intr(|| poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&patience)))? == 0 {
                        break;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tells of the files that are renamed to `<stem>.mp3` or `<stem>.wav` within so long, or have been since the last time; returns
    /// as soon as there was one, or when the time is over.
    pub fn within(&mut self, patience: Duration, mut on: impl FnMut(&str)) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
        if retry_on_intr(|| poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&patience)))? == 0 {
            return Ok(());
        }
        let mut events = Reader::new(&self.0, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => {
                    let name = event.file_name().and_then(|name| name.to_str().ok()).unwrap_or_default();
                    if let Some(stem) = name.strip_suffix(".mp3").or_else(|| name.strip_suffix(".wav")) {
                        on(stem);
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
