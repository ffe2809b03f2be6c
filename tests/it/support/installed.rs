//! Programs of others that tests ask or run: installed once under `target/oracles`, in the versions that `tests/oracles` names.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};

const NEED_PYTHON: &str = "Python 3 with venv is missing: sudo apt-get install python3 python3-venv";

/// Where the files lie that say what to install.
pub fn oracles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

/// A virtual environment of Python with what that file of requirements names.
pub fn venv(name: &str, requirements: &str) -> PathBuf {
    installed(name, &[requirements], |to| {
        run(Command::new("python3").args(["-m", "venv", "."]).current_dir(to), NEED_PYTHON);
        let mut pip = Command::new("bin/pip");
        run(pip.args(["install", "--quiet", "--requirement", requirements]).current_dir(to), NEED_PYTHON);
    })
}

/// The directory of that name, made anew where the files that say what to install have changed.
pub fn installed(name: &str, files: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oracles");
    fs::create_dir_all(&all).expect("target can be written");
    let to = all.join(name);
    // Each test is a process, and several may want it at once.
    let lock = File::create(all.join(format!("{name}.lock"))).expect("target can be written");
    flock(&lock, FlockOperation::LockExclusive).expect("a lock");
    let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let wanted: String = files.iter().map(|file| read(oracles().join(file))).collect();
    let done = to.join(".installed");
    if read(done.clone()) != wanted {
        let _ = fs::remove_dir_all(&to);
        fs::create_dir_all(&to).expect("target can be written");
        for file in files {
            fs::copy(oracles().join(file), to.join(file)).expect("target can be written");
        }
        install(&to);
        fs::write(done, wanted).expect("target can be written");
    }
    to
}

/// Runs a step of an installation; `need` says what to do where it cannot be run.
pub fn run(command: &mut Command, need: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{need} ({command:?}: {error})"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed. Is the network there? {need}\n{said}");
}
