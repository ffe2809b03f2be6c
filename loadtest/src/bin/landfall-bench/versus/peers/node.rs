//! Servers on Node.js: their packages are installed once, in the versions that the lock file names; knows not what is measured.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use loadtest::measure::{clock, process};
use loadtest::server::free_address;
use serde_json::Value;

const SERVER: &str = include_str!("../node/server.mjs");
const PACKAGE: &str = include_str!("../node/package.json");
const LOCK: &str = include_str!("../node/package-lock.json");
/// Beside what else is built, and not where reports go: it can be used again.
const FOLDER: &str = "target/versus/node";
const UWS: &str = "@trufflesuite/uws-js-unofficial";
const WS: &str = "ws";
/// Node.js takes some tenths of a second to start.
const START: Duration = Duration::from_secs(15);

/// A running one. Dropping it kills it.
pub(super) struct Node {
    child: Child,
    address: SocketAddr,
}

impl Node {
    /// `kind` is what the script calls it.
    pub(super) fn start(kind: &str, home: &Path, core: usize) -> io::Result<Self> {
        let script = installed()?.join("server.mjs");
        fs::create_dir_all(home)?;
        let address = free_address()?;
        let log = home.join("server.log");
        let output = File::create(&log)?;
        let mut command = Command::new("node");
        command.arg(script).arg(kind).arg(address.port().to_string());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = process::on_core(core, || command.spawn())
            .map_err(|error| io::Error::other(format!("Node.js cannot be started: {error}")))?;
        let mut node = Self { child, address };
        let late = clock::now() + START;
        while clock::now() < late && node.child.try_wait()?.is_none() {
            if TcpStream::connect(address).is_ok() {
                return Ok(node);
            }
            clock::pause(Duration::from_millis(5));
        }
        let log = fs::read_to_string(&log).unwrap_or_default();
        Err(io::Error::other(format!("the server {kind} did not start:\n{log}")))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
