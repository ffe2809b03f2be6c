//! nginx with Nchan as its own documentation sets it up, with nothing that costs and is not needed; knows not what is measured.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use loadtest::client::Http;
use loadtest::server::free_address;

use super::{Peer, stay};

const MODULE: &str = "ngx_nchan_module.so";
/// Debian's place, where nginx itself does not tell.
const MODULES: &str = "/usr/lib/nginx/modules";
/// Seconds between two pings: Landfall's own.
const PING: u32 = 25;

pub(super) fn nchan(home: &Path, core: usize, sockets: usize) -> io::Result<Peer> {
    let module = modules()? + "/" + MODULE;
    if !Path::new(&module).exists() {
        return Err(io::Error::other(format!("{module} is missing: apt-get install libnginx-mod-nchan")));
    }
    let address = free_address()?;
    let (directory, user, connections) = (home.display(), stay("user root;"), sockets + 1024);
    let text = format!(
        "load_module {module};
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    nchan_shared_memory_size 256M;
    client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
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
    let configuration = home.join("nginx.conf");
    fs::write(&configuration, text)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(home).arg("-c").arg(&configuration).arg("-e").arg("stderr");
    Peer::start("nchan", home, address, Some(core), &mut command)
}

/// E.g. `Nchan 1.3.6, nginx/1.22.1`.
pub(super) fn version(peer: &Peer) -> io::Result<String> {
    let status = Http::connect(peer.address(), None)?.send("GET", "/status", "", b"")?.expect(200)?;
    let status = String::from_utf8_lossy(&status);
    let version = status.lines().find_map(|line| line.strip_prefix("nchan version:"));
    Ok(format!("Nchan {}, {}", version.unwrap_or("?").trim(), super::version("nginx", "-v")?))
}

/// Where nginx was built to look for modules.
fn modules() -> io::Result<String> {
    let output = Command::new("nginx").arg("-V").output()?;
    let built = String::from_utf8_lossy(&output.stderr);
    let path = built.split_whitespace().find_map(|option| option.strip_prefix("--modules-path="));
    Ok(path.unwrap_or(MODULES).to_owned())
}
