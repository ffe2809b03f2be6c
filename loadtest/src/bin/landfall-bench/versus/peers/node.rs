//! Servers on Node.js: their packages are installed once, in the versions that the lock file names; knows not what is measured.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use loadtest::server::free_address;
use serde_json::Value;

use super::Peer;

const SERVER: &str = include_str!("../node/server.mjs");
const PACKAGE: &str = include_str!("../node/package.json");
const LOCK: &str = include_str!("../node/package-lock.json");
/// Beside what else is built, and not where reports go: it can be used again.
const FOLDER: &str = "target/versus/node";
const UWS: &str = "@trufflesuite/uws-js-unofficial";
const WS: &str = "ws";

/// `kind` is what the script calls it.
pub(super) fn node(kind: &'static str, home: &Path, core: usize) -> io::Result<Peer> {
    let address = free_address()?;
    let mut command = Command::new("node");
    command.arg(installed()?.join("server.mjs")).arg(kind).arg(address.port().to_string());
    Peer::start(kind, home, address, Some(core), &mut command)
}

/// Its package's name and version, and Node.js' own.
pub(super) fn version(is_uws: bool) -> io::Result<String> {
    let package: Value = serde_json::from_str(PACKAGE)?;
    let name = if is_uws { UWS } else { WS };
    let version = package["dependencies"][name].as_str().unwrap_or("?");
    let node = Command::new("node").arg("--version").output()?;
    Ok(format!("{name} {version}, Node.js {}", String::from_utf8_lossy(&node.stdout).trim()))
}

/// Where script and packages are; installs them when they are not there, or are others.
fn installed() -> io::Result<PathBuf> {
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    fs::write(folder.join("server.mjs"), SERVER)?;
    // Written when all has gone well.
    let mark = folder.join("installed.json");
    if fs::read_to_string(&mark).is_ok_and(|lock| lock == LOCK) {
        return Ok(folder);
    }
    fs::write(folder.join("package.json"), PACKAGE)?;
    fs::write(folder.join("package-lock.json"), LOCK)?;
    let mut command = Command::new("npm");
    command.args(["ci", "--omit=optional", "--ignore-scripts", "--no-fund", "--no-audit"]);
    let output = command
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::other(format!("npm cannot be started: {error}")))?;
    if !output.status.success() {
        return Err(io::Error::other(format!("npm ci failed:\n{}", String::from_utf8_lossy(&output.stderr))));
    }
    fs::write(mark, LOCK)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_the_versions_of_the_package_file() {
        let [package, lock]: [Value; 2] = [PACKAGE, LOCK].map(|text| serde_json::from_str(text).unwrap());
        for name in [UWS, WS] {
            let wanted = &package["dependencies"][name];
            assert!(
                wanted.as_str().unwrap().starts_with(|first: char| first.is_ascii_digit()),
                "{wanted} is no version"
            );
            assert_eq!(&lock["packages"][format!("node_modules/{name}")]["version"], wanted);
        }
    }
}
