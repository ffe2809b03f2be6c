//! The others: each a process of ours in a directory of its own, gone when it is dropped; knows not what is measured.

pub(crate) mod broker;
mod caddy;
mod h2o;
mod nchan;
mod nginx;
mod node;
mod varnish;

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use loadtest::client::Http;
use loadtest::measure::{clock, process};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

pub(crate) use caddy::caddy;
pub(crate) use h2o::h2o;
pub(crate) use nginx::{COPY, SENDFILE, nginx, nginx_cache};
pub(crate) use varnish::varnish;

/// Varnish compiles its configuration before it answers.
const START: Duration = Duration::from_secs(30);
/// Afterwards it is killed.
const STOP: Duration = Duration::from_secs(5);

/// A running server. Dropping it stops it.
pub(crate) struct Peer {
    name: &'static str,
    address: SocketAddr,
    child: Child,
    pids: Vec<u32>,
}

impl Peer {
    /// Starts `command` in `home`, on `core` if it is to stay on one, and waits until it answers.
    fn start(
        name: &'static str,
        home: &Path,
        address: SocketAddr,
        core: Option<usize>,
        command: &mut Command,
    ) -> io::Result<Self> {
        let log = File::create(home.join("output.log"))?;
        // Nothing of the user's own configuration is read, and nothing is written elsewhere.
        command.current_dir(home).env("HOME", home).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // It is asked to end even when this program is killed and drops nothing: as long as the thread that starts it is the main one.
        let prepare = move || {
            set_parent_process_death_signal(Some(Signal::TERM))?;
            core.map_or(Ok(()), process::pin)
        };
        // SAFETY: between fork and exec it makes two system calls, and neither allocates nor takes a lock.
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn();
        let program = command.get_program().to_string_lossy();
        let child = child.map_err(|error| io::Error::other(format!("{program} cannot be started: {error}")))?;
        let mut peer = Self { name, address, child, pids: Vec::new() };
        peer.until_it_answers(clock::now() + START).map_err(|why| {
            let log = fs::read_to_string(home.join("output.log")).unwrap_or_default();
            io::Error::other(format!("{program} {why}; it said:\n{log}"))
        })?;
        peer.pids = process::children(peer.child.id())?;
        peer.pids.push(peer.child.id());
        Ok(peer)
    }

    /// Any answer will do. Whoever answers has started its workers.
    fn until_it_answers(&mut self, late: Instant) -> Result<(), String> {
        loop {
            let answers = || Http::connect(self.address, None)?.send("GET", "/", "", b"");
            if answers().is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("ended ({status})"));
            }
            if clock::now() > late {
                return Err("does not answer".to_owned());
            }
            clock::pause(Duration::from_millis(5));
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that was started, and its workers.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Masters stop their workers when they are asked to end, which killing them would not.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let late = clock::now() + STOP;
        while clock::now() < late {
            // An error means that there is nothing to wait for.
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            clock::pause(Duration::from_millis(5));
        }
        for pid in &self.pids {
            if let Some(pid) = Pid::from_raw(*pid as i32) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program and its version as itself tells it, e.g. `nginx 1.22.1`.
pub(crate) fn version(program: &str, argument: &str) -> io::Result<String> {
    let output = Command::new(program)
        .arg(argument)
        .output()
        .map_err(|error| io::Error::other(format!("{program} cannot be asked for its version: {error}")))?;
    let text = [output.stdout, output.stderr].concat();
    let number = first_version(&String::from_utf8_lossy(&text)).unwrap_or("of unknown version").to_owned();
    Ok(format!("{program} {number}"))
}

/// The first number with a dot in it.
fn first_version(text: &str) -> Option<&str> {
    text.split(|sign: char| !sign.is_ascii_digit() && sign != '.').find(|word| word.trim_matches('.').contains('.'))
}

/// Root's servers give up their rights as they start, and then cannot read what lies in root's directories.
fn stay(line: &'static str) -> &'static str {
    if rustix::process::geteuid().is_root() { line } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_a_program_says() {
        assert_eq!(first_version("nginx version: nginx/1.22.1\n"), Some("1.22.1"));
        assert_eq!(first_version("2.6.2\n"), Some("2.6.2"));
        assert_eq!(first_version("varnishd (varnish-7.1.1 revision 7cee1c5)\nCopyright (c) 2006."), Some("7.1.1"));
        assert_eq!(first_version("no number..."), None);
    }
}
