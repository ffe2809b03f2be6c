//! Which volume this is: a random name written once, so that an empty mount point is told from an empty volume.

use std::io::{ErrorKind, Write};
use std::path::Path;

use super::{OWN, VolumeError};

const FILE: &str = "identity";

/// The identity; a failure when there is none (any more).
pub(super) fn read(root: &Path) -> Result<String, VolumeError> {
    let path = root.join(OWN).join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| VolumeError::at(&path, &error))?;
    Ok(text.trim().to_owned())
}

/// The identity, made by whoever comes first.
pub(super) fn read_or_create(root: &Path) -> Result<String, VolumeError> {
    let path = root.join(OWN).join(FILE);
    if let Ok(found) = read(root)
        && !found.is_empty()
    {
        return Ok(found);
    }
    // Written elsewhere and linked into place: no other process ever reads half a name.
    let made = uuid::Uuid::new_v4().to_string();
    let draft = root.join(OWN).join(format!("{FILE}.{made}"));
    let fail = |error: &std::io::Error| VolumeError::at(&draft, error);
    let mut file = std::fs::File::create_new(&draft).map_err(|error| fail(&error))?;
    file.write_all(made.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| fail(&error))?;
    let linked = match std::fs::hard_link(&draft, &path) {
        // Not every file system has links; there, the rename of the last one wins and is read back below.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => std::fs::rename(&draft, &path),
        _ => std::fs::remove_file(&draft),
    };
    linked.map_err(|error| fail(&error))?;
    read(root)
}
