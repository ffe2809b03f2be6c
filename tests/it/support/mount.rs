//! A small file system of its own, at the place of a directory.

use std::path::{Path, PathBuf};
use std::process::Command;

/// It is there for all processes; unmounted in the end.
pub struct Mount(pub PathBuf);

impl Mount {
    /// One in memory of so many MiB, or nothing where this process may not mount.
    pub fn over(path: &Path, mib: u32) -> Option<Self> {
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"], path);
        if !mounted {
            println!("skipped: this process may not mount a file system");
        }
        mounted.then(|| Self(path.into()))
    }

    pub fn remount(&self, option: &str) {
        assert!(mount(&["-o", &format!("remount,{option}")], &self.0));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(options: &[&str], path: &Path) -> bool {
    Command::new("mount").args(options).arg(path).status().is_ok_and(|status| status.success())
}
