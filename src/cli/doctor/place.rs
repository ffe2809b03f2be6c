//! Paths as they are told to people, and who this process is to the file system.

use std::path::{Path, PathBuf};

/// The path from the root: a relative one tells nobody where to look.
pub(super) fn absolute(path: &Path) -> PathBuf {
    // `.` is left out; links are kept as they are written.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The path itself, or the nearest directory above it that is there. Blocks.
pub(super) fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// User and group of this process, as `chown` takes them.
pub(super) fn owner() -> String {
    use rustix::process::{getegid, geteuid};
    format!("{}:{}", geteuid().as_raw(), getegid().as_raw())
}

/// A path as a shell reads it.
pub(super) fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |sign: char| sign.is_alphanumeric() || "/._-+:@%,=".contains(sign);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_signs_of_the_shell_is_quoted() {
        assert_eq!(shell(Path::new("/srv/recordings")), "/srv/recordings");
        assert_eq!(shell(Path::new("/it's here")), r"'/it'\''s here'");
    }
}
