//! The volume: that it is there, is the same one as before, and takes every step of a landing. Knows no recording.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::catalog;
use super::check::Check;
use super::place::{absolute, nearest, owner, shell};
use crate::config::Config;
use crate::volume::{Kind, ProbeError, blocking, file_system, identity_at, probe};

const NAME: &str = "volume";

/// The volume as it lies there now.
pub(super) async fn volume(config: &Config) -> Check {
    let root = absolute(&config.volume);
    let was_used = config.database_url.file().is_some_and(|catalog| absolute(catalog).exists());
    let catalog = catalog::place(config);
    blocking(move || look(&root, &catalog, was_used)).await
}

fn look(root: &Path, catalog: &str, was_used: bool) -> Check {
    let at = root.display();
    match root.metadata() {
        Ok(meta) if !meta.is_dir() => {
            return Check::fail(NAME, format!("{at} is no directory"), "set `volume` to a directory");
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound && was_used => {
            let detail = format!("{at} is missing, although the catalog {catalog} has been used");
            return Check::fail(
                NAME,
                detail,
                format!("mount the volume again, or set `volume` to where it is; {}", mounts(root)),
            );
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return absent(root),
        Err(error) => {
            return Check::fail(NAME, format!("{at}: {error}"), format!("check the rights: namei -l {}", shell(root)));
        }
    }
    let identity = match identity_at(root) {
        Ok(identity) => identity,
        Err(error) => {
            let mend = format!("{}; restart the server if the identity is gone for good", own(root));
            return Check::fail(NAME, format!("its identity cannot be read: {error}"), mend);
        }
    };
    if identity.is_none() && was_used {
        let detail = format!(
            "{at} has never been a volume, although the catalog {catalog} has been used: an empty mount point?"
        );
        let mend = format!(
            "mount the volume again ({}); if this new directory is meant, restart `landfall serve`",
            mounts(root)
        );
        return Check::fail(NAME, detail, mend);
    }
    if let Err(error) = probe(root) {
        return refused(root, &error);
    }
    let whose = identity.map_or_else(|| "not used yet".to_owned(), |identity| format!("identity {identity}"));
    let (system, kind) = file_system(root).unwrap_or(("unknown", Kind::Local));
    let detail = format!("{at} ({system}, {whose}) takes files: write, fsync and rename work");
    match kind {
        Kind::Local => Check::ok(NAME, detail),
        Kind::Network => Check::ok(
            NAME,
            format!(
                "{detail}; on a network file system, what others land is noticed by signals and sweeps, not by inotify"
            ),
        ),
        Kind::Program => Check::warn(
            NAME,
            format!("{detail}; FUSE is treated as a network file system, and its renames may not be atomic"),
            "make sure that a rename replaces whole files at once there (mounts of S3 and GCS copy instead)",
        ),
        Kind::Memory => Check::warn(
            NAME,
            format!("{detail}; it lies in memory, and is lost with the next start of the machine"),
            "set `volume` to a directory on a disk",
        ),
        Kind::Layer => Check::warn(
            NAME,
            format!(
                "{detail}; it lies in this container's own layer: no other process shares it, and it goes with the container"
            ),
            format!("mount a named volume there:\nvolumes:\n  - recordings_data:{at}"),
        ),
    }
}

/// Nothing has been started yet: can the directory be made?
fn absent(root: &Path) -> Check {
    let parent = nearest(root);
    match probe(&parent) {
        Ok(()) => Check::skip(NAME, format!("{} is not there yet: the first start makes it", root.display())),
        Err(error) => {
            let detail = format!("{} is not there and cannot be made: {}", root.display(), told(&error));
            let mend = format!("mkdir -p {0} && chown {1} {0}", shell(root), owner());
            Check::fail(NAME, detail, mend)
        }
    }
}

fn refused(root: &Path, error: &ProbeError) -> Check {
    let mend = match error.error.kind() {
        ErrorKind::PermissionDenied => own(root),
        ErrorKind::ReadOnlyFilesystem => {
            format!("mount it writable (no `:ro` in compose): mount -o remount,rw {}", shell(root))
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("make room: df -h {0}; df -i {0}", shell(root)),
        ErrorKind::CrossesDevices => format!("let nothing be mounted between {0} and {0}/.landfall", root.display()),
        _ => format!("look for what the disk says: dmesg | tail; {}", mounts(root)),
    };
    Check::fail(NAME, told(error), mend)
}

fn told(error: &ProbeError) -> String {
    format!("cannot {} at {}: {}", error.deed, error.path.display(), error.error)
}

fn own(root: &Path) -> String {
    format!("chown -R {} {}", owner(), shell(root))
}

fn mounts(root: &Path) -> String {
    format!("what is mounted there: findmnt -T {}", shell(&PathBuf::from(root)))
}
