//! On which kind of file system a directory lies, by the kernel's magic numbers (statfs(2)). Knows no volume.

use std::io;
use std::path::Path;

/// What a kind means for a shared directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A disk of this machine.
    Local,
    /// This machine's memory: gone with the next start.
    Memory,
    /// A container's own layer: no other container sees it, and it goes with the container.
    Layer,
    /// Another machine's: what others write there is noticed late, and not by inotify.
    Network,
    /// A program's, as buckets of S3 and GCS are mounted: taken for another machine's, and its renames need not be atomic.
    Program,
}

/// The kinds that have a name here; whatever else is taken for a disk of this machine.
const KNOWN: [(u32, &str, Kind); 22] = [
    (0x6969, "NFS", Kind::Network),
    (0x517B, "SMB", Kind::Network),
    (0xFE53_4D42, "SMB2", Kind::Network),
    (0xFF53_4D42, "CIFS", Kind::Network),
    (0x6573_5546, "FUSE", Kind::Program),
    (0x00C3_6400, "Ceph", Kind::Network),
    (0x5346_414F, "AFS", Kind::Network),
    (0x0102_1997, "9P", Kind::Network),
    (0x0BD0_0BD0, "Lustre", Kind::Network),
    (0x7461_636F, "OCFS2", Kind::Network),
    (0x0116_1970, "GFS2", Kind::Network),
    (0x7375_7245, "Coda", Kind::Network),
    (0x0102_1994, "tmpfs", Kind::Memory),
    (0x8584_58F6, "ramfs", Kind::Memory),
    (0x794C_7630, "overlayfs", Kind::Layer),
    (0x6175_6673, "aufs", Kind::Layer),
    (0xEF53, "ext4", Kind::Local),
    (0x5846_5342, "XFS", Kind::Local),
    (0x9123_683E, "Btrfs", Kind::Local),
    (0x2FC1_2FC1, "ZFS", Kind::Local),
    (0xF2F5_2010, "F2FS", Kind::Local),
    (0xCA45_1A4E, "bcachefs", Kind::Local),
];

/// The file system of a directory: its name, and what it means. Blocks.
pub fn file_system(directory: &Path) -> io::Result<(&'static str, Kind)> {
    let magic = rustix::fs::statfs(directory)?.f_type as u32;
    let known = KNOWN.iter().find(|(known, ..)| *known == magic);
    Ok(known.map_or(("a file system without a name here", Kind::Local), |(_, name, kind)| (name, *kind)))
}
