//! Room on the disks of volume and catalog, held against what is written there.

use std::io;
use std::path::Path;

use super::check::Check;
use super::files::survey;
use super::place::{absolute, nearest, shell};
use crate::config::{Config, Database};
use crate::volume::blocking;

const NAME: &str = "disk";
const MIB: u64 = 1 << 20;
/// A recording of two hours as MP3, or of one as WAV: where none has landed yet to tell.
const LARGE: u64 = 128 * MIB;
/// What the catalog's log takes at the most between two checkpoints, and more.
const FOR_CATALOG: u64 = 64 * MIB;
/// Files are few and large here: whoever has fewer inodes than this shares the disk with something that takes them all.
const INODES: u64 = 1000;

/// What is free for this user.
struct Free {
    bytes: u64,
    /// `None` on file systems that do not count them.
    inodes: Option<u64>,
}

/// Whether the next recordings fit.
pub(super) async fn disk(config: &Config) -> Check {
    let Database::Sqlite(catalog) = &config.database_url;
    let (root, catalog) = (absolute(&config.volume), absolute(catalog));
    let at_once = u64::from(config.worker.concurrency);
    blocking(move || look(&root, &catalog, at_once)).await
}

fn look(root: &Path, catalog: &Path, at_once: u64) -> Check {
    let survey = survey(root).unwrap_or_default();
    let (largest, whence) = match survey.largest {
        0 => (LARGE, "assumed: none has landed yet"),
        largest => (largest, "the largest here"),
    };
    let free = match (free(root), free(catalog)) {
        (Ok(volume), Ok(catalog)) => (volume, catalog),
        (Err(error), _) => return unknown(root, &error),
        (_, Err(error)) => return unknown(catalog, &error),
    };
    judge(root, catalog, free, (largest, whence), at_once)
}

fn judge(root: &Path, catalog: &Path, free: (Free, Free), (largest, whence): (u64, &str), at_once: u64) -> Check {
    let (volume, beside) = free;
    let wanted = largest.saturating_mul(at_once);
    let inodes = volume.inodes.map_or_else(|| "no count of inodes".to_owned(), |inodes| format!("{inodes} inodes"));
    let detail = format!(
        "{} and {inodes} free at {}; {at_once} downloads at once need up to {} (a recording of {}, {whence})",
        size(volume.bytes),
        root.display(),
        size(wanted),
        size(largest)
    );
    let mend = format!(
        "make room (what takes it: du -xh {0} | sort -h | tail), or let recordings expire:\n[retention]\nmax_bytes = \"…\"",
        shell(&nearest(root))
    );
    if volume.bytes < largest || volume.inodes == Some(0) {
        return Check::fail(NAME, detail, mend);
    }
    if beside.bytes < FOR_CATALOG {
        let detail = format!("{} free at {}, where the catalog is written", size(beside.bytes), catalog.display());
        return Check::fail(
            NAME,
            detail,
            "make room there, or move the catalog: stop the server, move the file, set database_url",
        );
    }
    if volume.bytes < wanted || volume.inodes.is_some_and(|inodes| inodes < INODES) {
        return Check::warn(NAME, detail, mend);
    }
    Check::ok(NAME, detail)
}

fn unknown(path: &Path, error: &io::Error) -> Check {
    Check::fail(NAME, format!("{}: {error}", path.display()), format!("check the mount: findmnt -T {}", shell(path)))
}

/// What is free where that path is, or will be. Blocks.
fn free(path: &Path) -> io::Result<Free> {
    let stat = rustix::fs::statvfs(nearest(path))?;
    let inodes = (stat.f_files > 0).then_some(stat.f_favail);
    Ok(Free { bytes: stat.f_bavail.saturating_mul(stat.f_frsize), inodes })
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..MIB => format!("{} KiB", bytes.div_ceil(1024)),
        _ if bytes < 10_240 * MIB => format!("{} MiB", bytes / MIB),
        _ => format!("{} GiB", bytes / (1024 * MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    fn judged(bytes: u64, inodes: Option<u64>, for_catalog: u64) -> Status {
        let free = (Free { bytes, inodes }, Free { bytes: for_catalog, inodes: None });
        judge(Path::new("/v"), Path::new("/c"), free, (10 * MIB, "the largest here"), 8).status
    }

    #[test]
    fn too_little_for_one_recording_fails_and_too_little_for_all_downloads_at_once_warns() {
        assert_eq!(judged(9 * MIB, None, MIB * MIB), Status::Fail);
        assert_eq!(judged(79 * MIB, None, MIB * MIB), Status::Warn);
        assert_eq!(judged(80 * MIB, None, MIB * MIB), Status::Ok);
    }

    #[test]
    fn inodes_run_out_too_unless_the_file_system_counts_none() {
        assert_eq!(judged(MIB * MIB, Some(0), MIB * MIB), Status::Fail);
        assert_eq!(judged(MIB * MIB, Some(999), MIB * MIB), Status::Warn);
    }

    #[test]
    fn a_full_disk_of_the_catalog_fails_as_well() {
        assert_eq!(judged(MIB * MIB, None, MIB), Status::Fail);
    }
}
