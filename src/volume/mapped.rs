//! Landed files as slices of memory that nobody touches: the kernel sends their bytes from the page cache.
//!
//! A mapping gives each byte of a file an address, so that a part of it can be a `Bytes` like any other on its way
//! through HTTP. Whoever writes such a slice to a socket has its [`Backed`] part of the file, or asks for it ([`backing`]), and has the
//! kernel send that; where it cannot, the slice itself is written. Either is safe because landed files are never truncated, only unlinked, and
//! because nobody here reads the pages: `writev` answers a vanished page with EFAULT instead of a signal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use bytes::Bytes;
use memmap2::{Mmap, MmapOptions};
use tokio::time::{Duration, Instant};

/// Bytes that are read in and handed out at a time.
pub const WINDOW: u64 = 2 * 1024 * 1024;

/// Files up to this size are looked at whole, and then believed for a while; no more is sent without a look in between.
pub const SMALL: u64 = 8 * 1024 * 1024;
/// How long a file that lay in the page cache is believed to lie there still. Being wrong costs one wait for a disk.
const BELIEVED: Duration = Duration::from_secs(5);
/// `cachestat(2)` on x86-64 and on ARM; `libc` has no name for it there.
const SYS_CACHESTAT: libc::c_long = 451;
/// A buffer's worth of reading a cold file in.
const GULP: usize = 256 * 1024;

/// Where each mapping lies: its first address, its last, and its file.
static MAPPINGS: RwLock<BTreeMap<usize, (usize, RawFd)>> = RwLock::new(BTreeMap::new());
/// The moment that [`Pages::warm_until`] counts from.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// One file in memory; slices keep it mapped.
#[derive(Clone)]
pub struct Mapped(Arc<Pages>);

struct Pages {
    map: Mmap,
    file: File,
    page: usize,
    /// Milliseconds since the epoch until which the whole file is believed to be in the page cache; 0 when it was not there.
    warm_until: AtomicU64,
}

/// Lets a shared mapping own `Bytes` without a copy.
struct Shared(Arc<Pages>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.map
    }
}

/// A slice of memory, and the part of a file that it is.
#[derive(Clone, Copy)]
pub struct Backed<'a> {
    /// The slice.
    pub bytes: &'a [u8],
    /// The file.
    pub file: BorrowedFd<'a>,
    /// Where in it the slice begins, in bytes.
    pub offset: u64,
}

impl Backed<'_> {
    /// Without its first bytes.
    pub fn after(self, bytes: usize) -> Self {
        Self { bytes: &self.bytes[bytes..], offset: self.offset + bytes as u64, ..self }
    }
}

/// What file a slice of memory is a part of, if it is one of ours.
pub fn backing(bytes: &[u8]) -> Option<Backed<'_>> {
    let (from, to) = (bytes.as_ptr().addr(), bytes.as_ptr().addr() + bytes.len());
    let mappings = MAPPINGS.read().unwrap_or_else(PoisonError::into_inner);
    let (start, (end, file)) = mappings.range(..=from).next_back()?;
    (to <= *end).then(|| {
        // SAFETY: the slice borrows from the mapping at its address, which owns the file: both live as long as the slice.
        let file = unsafe { BorrowedFd::borrow_raw(*file) };
        Backed { bytes, file, offset: (from - start) as u64 }
    })
}

impl Mapped {
    /// Maps the first `length` bytes of a landed file.
    pub fn new(file: File, length: u64) -> io::Result<Self> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        // SAFETY: see the module's head; the file is landed, so its length does not change.
        let map = unsafe { MmapOptions::new().len(length).map(&file)? };
        let start = map.as_ptr().addr();
        let mut mappings = MAPPINGS.write().unwrap_or_else(PoisonError::into_inner);
        mappings.insert(start, (start + length, file.as_raw_fd()));
        Ok(Self(Arc::new(Pages { map, file, page: rustix::param::page_size(), warm_until: AtomicU64::new(0) })))
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.0.file
    }

    /// The bytes of a range as one slice.
    pub fn slice(&self, range: Range<u64>) -> Bytes {
        Bytes::from_owner(Shared(self.0.clone())).slice(range.start as usize..range.end as usize)
    }

    /// The bytes of a range, not to be touched.
    pub fn part(&self, range: &Range<u64>) -> Backed<'_> {
        let bytes = &self.0.map[range.start as usize..range.end as usize];
        Backed { bytes, file: self.0.file.as_fd(), offset: range.start }
    }

    /// Whether sending the range will not wait for a disk, as far as one can know.
    pub fn is_warm(&self, range: &Range<u64>) -> bool {
        let now = EPOCH.elapsed().as_millis() as u64;
        let until = self.0.warm_until.load(Ordering::Relaxed);
        if now < until {
            return true;
        }
        let size = self.0.map.len() as u64;
        let is_whole = || self.0.cached_pages().is_some_and(|pages| pages >= size.div_ceil(self.0.page as u64));
        let is_warm = size <= SMALL && ((until > 0 && is_whole()) || self.0.is_resident(&(0..size)));
        if is_warm {
            self.0.warm_until.store(now + BELIEVED.as_millis() as u64, Ordering::Relaxed);
        } else if until > 0 {
            self.0.warm_until.store(0, Ordering::Relaxed);
        }
        is_warm || self.0.is_resident(range)
    }

    /// Reads the range into the page cache. Blocks on the disk.
    pub fn warm(&self, range: &Range<u64>) -> io::Result<()> {
        // Read and not mapped in: pages of a long file must not count as ours.
        let mut gulp = vec![0; GULP];
        let mut at = range.start;
        while at < range.end {
            let most = GULP.min((range.end - at) as usize);
            match self.0.file.read_at(&mut gulp[..most], at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => at += read as u64,
            }
        }
        Ok(())
    }
}

impl Pages {
    /// How many of the file's pages are in the page cache (`cachestat(2)`, Linux 6.5): counting them takes a fraction of what
    /// [`is_resident`](Self::is_resident) does. Those that are only just being read count as well, so this is for a file that was there
    /// whole. `None` from an older kernel, and from one that does not tell us.
    fn cached_pages(&self) -> Option<u64> {
        #[repr(C)]
        struct Stretch {
            offset: u64,
            length: u64,
        }
        /// Pages in the cache; dirty, under write-back, evicted, recently evicted.
        type Counts = [u64; 5];
        let whole = Stretch { offset: 0, length: self.map.len() as u64 };
        let mut counts: Counts = [0; 5];
        // SAFETY: the kernel reads the one and writes the other, which have the shape it asks for.
        let answer =
            unsafe { libc::syscall(SYS_CACHESTAT, self.file.as_raw_fd(), &raw const whole, counts.as_mut_ptr(), 0) };
        (answer == 0).then_some(counts[0])
    }

    /// Whether every page of the range is in the page cache.
    fn is_resident(&self, range: &Range<u64>) -> bool {
        let from = range.start as usize & !(self.page - 1);
        let length = (range.end as usize).min(self.map.len()) - from;
        let mut pages = [0u8; (SMALL / 4096) as usize + 1];
        let Some(pages) = pages.get_mut(..length.div_ceil(self.page)) else { return false };
        // SAFETY: the address range lies inside the mapping and the vector has room for each of its pages.
        let answer = unsafe { libc::mincore(self.map.as_ptr().add(from) as *mut _, length, pages.as_mut_ptr()) };
        answer == 0 && pages.iter().all(|page| page & 1 == 1)
    }
}

impl Drop for Pages {
    /// Before the addresses can mean something else.
    fn drop(&mut self) {
        MAPPINGS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.map.as_ptr().addr());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test(start_paused = true)]
    async fn a_file_that_was_in_the_page_cache_is_believed_to_be_there_for_a_while_and_then_counted() {
        let size = 3 * rustix::param::page_size() as u64 + 1;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; size as usize]).unwrap();
        file.sync_all().unwrap();
        let mapped = Mapped::new(file, size).unwrap();
        let is_warm = || mapped.is_warm(&(0..1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(is_warm());
        assert!(mapped.0.cached_pages().is_none_or(|pages| pages == 4));
        tokio::time::advance(BELIEVED).await;
        assert!(is_warm());
        rustix::fs::fadvise(mapped.file(), 0, None, rustix::fs::Advice::DontNeed).unwrap();
        // A file system in memory keeps all.
        if mapped.0.cached_pages() == Some(0) {
            assert!(is_warm(), "still believed");
            tokio::time::advance(BELIEVED).await;
            assert!(!is_warm());
            assert_eq!(mapped.0.warm_until.load(Ordering::Relaxed), 0, "and next time each page is looked at");
        }
    }

    /// Whether anything of ours lies at an address.
    pub fn is_mapped(address: usize) -> bool {
        let mappings = MAPPINGS.read().unwrap();
        mappings.range(..=address).next_back().is_some_and(|(_, (end, _))| address < *end)
    }
}
