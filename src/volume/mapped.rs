//! Landed files mapped into memory: the kernel copies from the page cache into the socket, we copy nothing.
//!
//! Safe because landed files are never truncated, only unlinked, and because nobody here reads the pages: plain
//! HTTP/1.1 hands them to `writev`, which answers a vanished page with EFAULT instead of a signal.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use memmap2::{Advice, Mmap, MmapOptions};

/// Bytes that are made resident and handed out at a time.
pub const WINDOW: u64 = 2 * 1024 * 1024;

/// Bytes of one file that may stay mapped between requests. A file that is no larger never has to be mapped again;
/// of a larger one, seeks all over it would make the whole of it count as ours.
const KEPT: u64 = 8 * 1024 * 1024;

/// One file in memory; slices keep it mapped.
pub struct Mapped(Arc<Pages>);

struct Pages {
    map: Mmap,
    page: usize,
    /// Bytes handed out to stay since all were let go.
    kept: AtomicU64,
}

/// A part of the mapping that lets go of its pages when it has been sent, so that one long listen does not
/// count a whole file as ours.
struct Passing {
    pages: Arc<Pages>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

impl AsRef<[u8]> for Passing {
    fn as_ref(&self) -> &[u8] {
        &self.pages.map[self.range.clone()]
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.pages.let_go(&self.range);
    }
}

/// Lets a shared mapping own `Bytes` without a copy.
struct Shared(Arc<Pages>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().as_ref()
    }
}

impl Mapped {
    /// Maps the first `length` bytes of a landed file.
    pub fn new(file: &File, length: u64) -> io::Result<Self> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        // SAFETY: see the module's head; the file is landed, so its length does not change.
        let map = unsafe { MmapOptions::new().len(length).map(file)? };
        Ok(Self(Arc::new(Pages { map, page: rustix::param::page_size(), kept: AtomicU64::new(0) })))
    }

    /// The bytes of a range as one slice; up to a bound, they stay mapped.
    pub fn slice(&self, range: Range<u64>) -> Bytes {
        self.0.keep(range.end - range.start);
        Bytes::from_owner(Shared(self.0.clone())).slice(range.start as usize..range.end as usize)
    }

    /// The bytes of a window of a long range; its pages are let go when they have been sent.
    pub fn passing(&self, range: Range<u64>) -> Bytes {
        let range = range.start as usize..range.end as usize;
        Bytes::from_owner(Passing { pages: self.0.clone(), range })
    }

    /// Whether every page of the range is in the page cache, so that sending it cannot wait for a disk.
    pub fn is_resident(&self, range: &Range<u64>) -> bool {
        let (from, length) = self.0.aligned(&(range.start as usize..range.end as usize));
        let mut pages = [0u8; (WINDOW / 4096) as usize + 1];
        let count = length.div_ceil(self.0.page);
        let Some(pages) = pages.get_mut(..count) else { return false };
        // SAFETY: the address range lies inside the mapping and the vector has room for each of its pages.
        let answer = unsafe { libc::mincore(self.0.map.as_ptr().add(from) as *mut _, length, pages.as_mut_ptr()) };
        answer == 0 && pages.iter().all(|page| page & 1 == 1)
    }

    /// Reads the range's pages in and maps them. Blocks on the disk.
    pub fn populate(&self, range: &Range<u64>) -> io::Result<()> {
        let (from, length) = self.0.aligned(&(range.start as usize..range.end as usize));
        self.0.map.advise_range(Advice::PopulateRead, from, length)
    }
}

impl Clone for Mapped {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Pages {
    /// Counts bytes that stay mapped, and lets go of all when they are too many.
    fn keep(&self, bytes: u64) {
        if self.map.len() as u64 > KEPT && self.kept.fetch_add(bytes, Ordering::Relaxed) + bytes > KEPT {
            self.kept.store(0, Ordering::Relaxed);
            self.let_go(&(0..self.map.len()));
        }
    }

    /// Unmaps a range; slices of it that are on their way find it in the page cache again.
    fn let_go(&self, range: &Range<usize>) {
        let (from, length) = self.aligned(range);
        // SAFETY: the mapping is shared and read-only, so dropped pages are read again from the file when touched.
        let _ = unsafe { self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, from, length) };
    }

    /// The range widened to whole pages, as offset and length.
    fn aligned(&self, range: &Range<usize>) -> (usize, usize) {
        let from = range.start & !(self.page - 1);
        (from, range.end.min(self.map.len()) - from)
    }
}
