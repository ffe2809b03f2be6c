//! inotify as a source of signals: files that others land are noticed at once, on a local file system.

use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::{Signal, Signals};
use crate::recording::{Media, Sid};

/// Sends a signal for each recording that gets a final name in `root`, until the watcher is dropped. `look` reads what
/// the file is; it may block, since the watcher's thread does nothing else.
pub fn watch(
    root: &Path,
    signals: Arc<dyn Signals>,
    look: impl Fn(Sid) -> Option<Media> + Send + 'static,
) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        let final_name = matches!(
            event.kind,
            EventKind::Modify(ModifyKind::Name(RenameMode::To))
                | EventKind::Access(AccessKind::Close(AccessMode::Write))
        );
        if !final_name {
            return;
        }
        for path in &event.paths {
            let sid = path.file_name().and_then(|name| name.to_str()).and_then(Sid::from_file_name);
            if let Some((sid, media)) = sid.and_then(|sid| Some((sid, look(sid)?))) {
                signals.send(Signal::Landed(sid, Some(media)));
            }
        }
    })?;
    watcher.watch(root, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
