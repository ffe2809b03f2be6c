//! The recordings in the volume: that this user may read them, and how large they get. Reads none.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::check::Check;
use super::place::{absolute, owner, shell};
use crate::config::Config;
use crate::recording::Sid;
use crate::volume::blocking;

const NAME: &str = "files";
/// Directory entries that are looked at: enough to find a habit, and over in a second.
const MOST: usize = 50_000;

/// What the files are like.
#[derive(Default)]
pub(super) struct Survey {
    pub recordings: usize,
    /// The bytes of the largest.
    pub largest: u64,
    /// How many this user cannot read, and the first of them with its owner.
    unreadable: usize,
    example: Option<(PathBuf, String)>,
    /// Whether there are more than were looked at.
    is_partial: bool,
}

/// Whether what others have landed can be read.
pub(super) async fn files(config: &Config) -> Check {
    let root = absolute(&config.volume);
    let at = root.clone();
    match blocking(move || survey(&at)).await {
        Ok(survey) => judge(&root, &survey),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Check::skip(NAME, "there is no volume yet"),
        Err(error) => Check::fail(NAME, format!("{}: {error}", root.display()), chown(&root)),
    }
}

fn judge(root: &Path, survey: &Survey) -> Check {
    let seen = format!("{}{} recordings", survey.recordings, if survey.is_partial { " (and more)" } else { "" });
    let Some((path, whose)) = &survey.example else {
        return Check::ok(NAME, format!("{seen}, all readable for this user ({})", owner()));
    };
    let detail = format!(
        "{} of {seen} cannot be read by this user ({}): {} belongs to {whose}",
        survey.unreadable,
        owner(),
        path.display()
    );
    let mend = format!("{}\nor, where their owner is to stay: chmod -R a+rX {}", chown(root), shell(root));
    Check::fail(NAME, detail, mend)
}

fn chown(root: &Path) -> String {
    format!("chown -R {} {}", owner(), shell(root))
}

/// Looks at the names, and not at what is in the files. Blocks.
pub(super) fn survey(root: &Path) -> std::io::Result<Survey> {
    let mut survey = Survey::default();
    for (n, entry) in std::fs::read_dir(root)?.enumerate() {
        if n == MOST {
            survey.is_partial = true;
            break;
        }
        let entry = entry?;
        let Some(_) = entry.file_name().to_str().and_then(Sid::from_file_name) else { continue };
        // One that was removed meanwhile is none.
        let Ok(meta) = entry.metadata() else { continue };
        if !meta.is_file() {
            continue;
        }
        survey.recordings += 1;
        survey.largest = survey.largest.max(meta.len());
        if access(entry.path(), Access::READ_OK).is_err() {
            survey.unreadable += 1;
            let whose = || format!("{}:{}, mode {:o}", meta.uid(), meta.gid(), meta.mode() & 0o7777);
            survey.example.get_or_insert_with(|| (entry.path(), whose()));
        }
    }
    Ok(survey)
}
