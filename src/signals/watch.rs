//! inotify as a source of signals: files that others land are noticed at once, on a local file system.

use std::path::Path;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::recording::Sid;

/// Calls `notice` for each recording's file that gets a final name in `root`, until the watcher is dropped. It may
/// block, since the watcher's thread does nothing else.
pub fn watch(root: &Path, notice: impl Fn(Sid) + Send + 'static) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        let final_name = matches!(
            event.kind,
            EventKind::Modify(ModifyKind::Name(RenameMode::To))
                | EventKind::Access(AccessKind::Close(AccessMode::Write))
        );
        if final_name {
            let names = event.paths.iter().filter_map(|path| path.file_name()?.to_str());
            names.filter_map(Sid::from_file_name).for_each(&notice);
        }
    })?;
    watcher.watch(root, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
