//! nginx as a contender: the same files under the same paths, set up to be as fast as it can be; knows not what is measured.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use loadtest::measure::{clock, process};
use loadtest::server::free_address;
use rustix::process::{Pid, Signal, kill_process};

/// nginx is up at once, or not at all.
const START_TRIES: u32 = 2_000;

/// A running nginx with one worker. Dropping it stops it.
pub(crate) struct Nginx {
    master: Child,
    address: SocketAddr,
    pids: Vec<u32>,
}

impl Nginx {
    /// Serves what lies in `files` as `/api/recordings/file/<name>`; `sending` is how, in nginx's own words.
    pub(crate) fn start(home: &Path, files: &Path, core: usize, sending: &str) -> io::Result<Self> {
        let address = free_address()?;
        Self::run(home, core, address, &text(home, files, address, sending))
    }

    /// The same with a configuration of one's own, which must listen at `address` and stay in the foreground.
    pub(crate) fn run(home: &Path, core: usize, address: SocketAddr, text: &str) -> io::Result<Self> {
        fs::create_dir_all(home)?;
        let configuration = home.join("nginx.conf");
        fs::write(&configuration, text)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(home).arg("-c").arg(&configuration).arg("-e").arg(home.join("error.log"));
        command.stdin(Stdio::null());
        let master = process::on_core(core, || command.spawn()).map_err(|error| {
            io::Error::other(format!("nginx cannot be started ({error}); scripts/bench.sh installs it"))
        })?;
        let mut nginx = Self { master, address, pids: Vec::new() };
        for _ in 0..START_TRIES {
            let workers = process::children(nginx.master.id())?;
            if !workers.is_empty() && TcpStream::connect(address).is_ok() {
                nginx.pids = workers;
                nginx.pids.push(nginx.master.id());
                return Ok(nginx);
            }
            if nginx.master.try_wait()?.is_some() {
                break;
            }
            clock::pause(Duration::from_millis(1));
        }
        let log = fs::read_to_string(home.join("error.log")).unwrap_or_default();
        Err(io::Error::other(format!("nginx did not start:\n{log}")))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Master and worker.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master stops its worker, which killing it would not.
        let _ = kill_process(Pid::from_child(&self.master), Signal::TERM);
        let _ = self.master.wait();
    }
}

/// What it calls itself by `nginx -v`, e.g. `nginx/1.22.1`.
pub(crate) fn version() -> io::Result<String> {
    let output = Command::new("nginx").arg("-v").output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    Ok(text.trim().trim_start_matches("nginx version: ").to_owned())
}

fn text(home: &Path, files: &Path, address: SocketAddr, sending: &str) -> String {
    let (home, files) = (home.display(), files.display());
    format!(
        "user root;
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log error;
events {{ worker_connections 512; }}
http {{
    access_log off;
    {sending}
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=10000 inactive=1h;
    open_file_cache_valid 1h;
    default_type audio/mpeg;
    client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home}; uwsgi_temp_path {home}; scgi_temp_path {home};
    server {{
        listen {address};
        location /api/recordings/file/ {{ alias {files}/; }}
    }}
}}
"
    )
}
