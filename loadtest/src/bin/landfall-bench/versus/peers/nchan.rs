//! nginx with Nchan as its own documentation sets it up, with nothing that costs and is not needed; knows not what is measured.

use std::io;
use std::path::Path;
use std::process::Command;

use loadtest::client::Http;
use loadtest::server::free_address;

use crate::nginx::{self, Nginx};

const MODULE: &str = "ngx_nchan_module.so";
/// Debian's place, where nginx itself does not tell.
const MODULES: &str = "/usr/lib/nginx/modules";
/// Seconds between two pings: Landfall's own.
const PING: u32 = 25;

pub(super) fn start(home: &Path, core: usize, sockets: usize) -> io::Result<Nginx> {
    let module = modules()? + "/" + MODULE;
    if !Path::new(&module).exists() {
        return Err(io::Error::other(format!("{module} is missing: apt-get install libnginx-mod-nchan")));
    }
    let address = free_address()?;
    let (home_text, connections) = (home.display(), sockets + 1024);
    let text = format!(
        "load_module {module};
user root;
daemon off;
worker_processes 1;
pid {home_text}/nginx.pid;
error_log {home_text}/error.log error;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    nchan_shared_memory_size 256M;
    client_body_temp_path {home_text}; proxy_temp_path {home_text}; fastcgi_temp_path {home_text}; uwsgi_temp_path {home_text}; scgi_temp_path {home_text};
    server {{
        listen {address} backlog=16384;
        location ~ ^/ws/(\\w+)$ {{
            nchan_subscriber websocket;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
            nchan_websocket_ping_interval {PING};
        }}
        location ~ ^/pub/(\\w+)$ {{
            nchan_publisher http;
            nchan_channel_id $1;
            nchan_message_buffer_length 1;
            nchan_message_timeout 10s;
        }}
        location = /status {{ nchan_stub_status; }}
    }}
}}
"
    );
    Nginx::run(home, core, address, &text)
}

/// E.g. `Nchan 1.3.6, nginx/1.22.1`.
pub(super) fn version(nginx: &Nginx) -> io::Result<String> {
    let status = Http::connect(nginx.address(), None)?.send("GET", "/status", "", b"")?.expect(200)?;
    let status = String::from_utf8_lossy(&status);
    let version = status.lines().find_map(|line| line.strip_prefix("nchan version:"));
    Ok(format!("Nchan {}, {}", version.unwrap_or("?").trim(), nginx::version()?))
}

/// Where nginx was built to look for modules.
fn modules() -> io::Result<String> {
    let output = Command::new("nginx").arg("-V").output()?;
    let built = String::from_utf8_lossy(&output.stderr);
    let path = built.split_whitespace().find_map(|option| option.strip_prefix("--modules-path="));
    Ok(path.unwrap_or(MODULES).to_owned())
}
