//! A look at a directory that may be a volume, or may become one: whether recordings could land there. Opens no volume
//! and leaves nothing behind.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{OWN, PARTS, VolumeError, identity};

/// What could not be done.
#[derive(Debug)]
pub struct ProbeError {
    /// What was tried: the rest of a sentence that begins with "cannot".
    pub deed: &'static str,
    /// Where.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

/// The identity of the volume that lies there; `None` where none has been opened yet. Blocks.
pub fn identity_at(root: &Path) -> Result<Option<String>, VolumeError> {
    if root.join(OWN).symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    identity::read(root).map(|identity| Some(identity).filter(|identity| !identity.is_empty()))
}

/// Takes the steps of a landing with a file that is no recording: write, fsync, rename, fsync of the directory. Blocks.
pub fn probe(root: &Path) -> Result<(), ProbeError> {
    let name = format!("probe.{}", uuid::Uuid::new_v4().simple());
    // From where parts lie, if they do already: a mount in between would make the rename fail.
    let parts = Some(root.join(PARTS)).filter(|parts| parts.is_dir());
    let (part, landed) = (parts.as_deref().unwrap_or(root).join(&name), root.join(format!(".{name}")));
    let done = steps(root, &part, &landed);
    // Whichever of the two is there; what cannot be removed has been told already, or is told below.
    let _ = std::fs::remove_file(&part);
    match (done, std::fs::remove_file(&landed)) {
        (Ok(()), Err(error)) => Err(ProbeError { deed: "remove a file", path: landed, error }),
        (done, _) => done,
    }
}

fn steps(root: &Path, part: &Path, landed: &Path) -> Result<(), ProbeError> {
    let at = |deed, path: &Path| {
        let path = path.to_owned();
        move |error| ProbeError { deed, path, error }
    };
    let mut file = File::create_new(part).map_err(at("make a file", part))?;
    file.write_all(b"landfall").map_err(at("write", part))?;
    file.sync_all().map_err(at("make a file durable (fsync)", part))?;
    std::fs::rename(part, landed).map_err(at("rename into the volume", landed))?;
    File::open(root).and_then(|root| root.sync_all()).map_err(at("make a rename durable (fsync)", root))
}
