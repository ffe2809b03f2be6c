//! inotify as a source of signals: on a local file system, files that get or lose a final name are noticed at once.

use std::convert::Infallible;
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::recording::Sid;

/// Room for some dozens of events at a time; what does not fit is read next.
const EVENTS: usize = 4096;

/// What happened to a final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// A file was given it, perhaps in another's place.
    Named(Sid),
    /// A file that was written under it has been closed.
    Closed(Sid),
    /// No file has it any more.
    Left(Sid),
}

/// Calls `notice` for each recording's file that gets a final name in `root`, or loses it, for as long as it is polled.
/// Ends only with an error. Events that the kernel has no room for are lost, and found by the sweep.
pub async fn watch(root: &Path, notice: impl Fn(Noticed)) -> io::Result<Infallible> {
    let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let came = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE;
    let left = WatchFlags::MOVED_FROM | WatchFlags::DELETE;
    inotify::add_watch(&events, root, came | left | WatchFlags::ONLYDIR)?;
    // SAFETY: an `OwnedFd` is the same open descriptor for as long as it lives, and nobody can exchange it.
    let events = unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }.map_err(io::Error::from)?;
    let mut room = vec![MaybeUninit::uninit(); EVENTS];
    loop {
        let mut ready = events.readable().await?;
        let mut reader = Reader::new(events.get_ref(), &mut room);
        loop {
            match reader.next() {
                Ok(event) => {
                    let is = |flags| event.events().intersects(flags);
                    let noticed = match () {
                        () if is(ReadFlags::MOVED_FROM | ReadFlags::DELETE) => Noticed::Left,
                        () if is(ReadFlags::MOVED_TO) => Noticed::Named,
                        () => Noticed::Closed,
                    };
                    event.file_name().and_then(sid).map(noticed).into_iter().for_each(&notice);
                }
                Err(Errno::AGAIN) => break ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn sid(name: &CStr) -> Option<Sid> {
    Sid::from_file_name(name.to_str().ok()?)
}
