//! Whether a file under a final name is still being written there: workers of others may write in place. Knows no format.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::{LazyLock, Mutex, PoisonError};

use foldhash::fast::RandomState;
use rustix::fs::Stat;
use tokio::time::{Duration, Instant};

use crate::recording::{Sid, Timestamp};

/// A file that has not been written to for so long is whole, where nothing else tells.
const QUIET: Duration = Duration::from_secs(10);
/// Names of which a word is remembered; beyond, it takes them [`QUIET`].
const MOST: usize = 4096;

/// A process that opens a leased file for writing is announced by this signal, which would end ours. No lease is held for
/// longer than it takes to give it back.
static NO_SIGIO: LazyLock<()> = LazyLock::new(|| {
    // SAFETY: to ignore a signal runs no code of ours when it comes.
    unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
});

/// What inotify has told of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A file was given it.
    Named,
    /// A file that was written under it has been closed.
    Closed,
}

/// What inotify has told of late; before that, a file's age tells. Hashed as the wait map is: workers choose these names.
#[derive(Default)]
pub(super) struct Noticed(Mutex<HashMap<Sid, (Notice, Instant), RandomState>>);

impl Noticed {
    pub fn note(&self, sid: Sid, is_named: bool) {
        let notice = if is_named { Notice::Named } else { Notice::Closed };
        let mut noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noticed.len() >= MOST {
            noticed.retain(|_, (_, at)| at.elapsed() < QUIET);
        }
        if noticed.len() < MOST || noticed.contains_key(&sid) {
            noticed.insert(sid, (notice, Instant::now()));
        }
    }

    pub fn of(&self, sid: Sid) -> Option<Notice> {
        let noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noticed.get(&sid).filter(|(_, at)| at.elapsed() <= QUIET + QUIET).map(|(notice, _)| *notice)
    }
}

/// Whether nobody writes to the file any more, or it got its name after it was written: a rename counts as a change
/// (ctime), but not of the bytes (mtime).
pub(super) fn is_whole(file: &File, stat: &Stat, noticed: impl FnOnce() -> Option<Notice>) -> bool {
    let is_renamed = (stat.st_ctime, stat.st_ctime_nsec) > (stat.st_mtime, stat.st_mtime_nsec);
    if is_renamed {
        return true;
    }
    match writers(file) {
        Writers::None => true,
        // It may have got its name in the same tick of the clock. Others may yet write to what one has closed.
        Writers::Some => noticed() == Some(Notice::Named),
        Writers::Unknown => {
            let quiet = Timestamp::now().since(Timestamp(stat.st_mtime.saturating_mul(1000)));
            quiet >= QUIET || noticed().is_some()
        }
    }
}

enum Writers {
    None,
    Some,
    Unknown,
}

/// Whether any process has the file open for writing: then the kernel gives no read lease on it (fcntl(2)). It gives none
/// either on files of other users without `CAP_LEASE`, and on many network file systems.
fn writers(file: &File) -> Writers {
    LazyLock::force(&NO_SIGIO);
    // SAFETY: the descriptor is open, and the command takes a number.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) } == 0 {
        // SAFETY: the same.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
        return Writers::None;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Writers::Some,
        _ => Writers::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_whole_when_its_writer_has_closed_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let mut writer = File::create(&path).unwrap();
        writer.write_all(b"half").unwrap();
        let reader = File::open(&path).unwrap();
        let is_whole = |notice| is_whole(&reader, &rustix::fs::fstat(&reader).unwrap(), || notice);
        assert!(!is_whole(None) && !is_whole(Some(Notice::Closed)));
        assert!(is_whole(Some(Notice::Named)), "who renames a file has written it");
        drop(writer);
        assert!(is_whole(None));
    }

    #[tokio::test]
    async fn a_file_that_was_renamed_after_it_was_written_is_whole_though_it_is_still_open() {
        let directory = tempfile::tempdir().unwrap();
        let (part, name) = (directory.path().join("part"), directory.path().join("name"));
        let mut writer = File::create(&part).unwrap();
        writer.write_all(b"whole").unwrap();
        // Longer than a tick of the kernel's clock.
        tokio::time::sleep(Duration::from_millis(30)).await;
        std::fs::rename(&part, &name).unwrap();
        let reader = File::open(&name).unwrap();
        assert!(is_whole(&reader, &rustix::fs::fstat(&reader).unwrap(), || None));
    }

    #[test]
    fn a_writer_that_comes_while_we_look_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, b"whole").unwrap();
        let reader = File::open(&path).unwrap();
        LazyLock::force(&NO_SIGIO);
        // SAFETY: as in `writers`, which gives the lease back at once; here a writer comes in between.
        assert_eq!(unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) }, 0);
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
        let opened = rustix::fs::open(&path, flags, rustix::fs::Mode::empty());
        assert_eq!(opened.err(), Some(rustix::io::Errno::AGAIN), "the lease is broken, and we still live");
    }

    #[tokio::test(start_paused = true)]
    async fn what_inotify_told_of_is_believed_until_its_age_tells() {
        let noticed = Noticed::default();
        let sid = |n: usize| -> Sid { format!("CA{n:032x}").parse().unwrap() };
        noticed.note(sid(0), false);
        assert_eq!((noticed.of(sid(0)), noticed.of(sid(1))), (Some(Notice::Closed), None));
        tokio::time::advance(QUIET * 3).await;
        assert_eq!(noticed.of(sid(0)), None);
        (0..2 * MOST).for_each(|n| noticed.note(sid(n), true));
        assert_eq!(noticed.0.lock().unwrap().len(), MOST);
    }
}
