//! nginx, set up to be as fast as it can be: as a server of files, and as a cache before an origin.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use loadtest::server::free_address;

use super::{Peer, stay};

/// `tcp_nopush` is left out: over the loopback, whose segments carry 65,483 bytes, it keeps the last bytes of 64 KiB back for 44 ms, so
/// that it would be measured as idle.
pub(crate) const SENDFILE: &str = "sendfile on;";
pub(crate) const COPY: &str = "sendfile off;";

/// Serves what lies under `root`; `sending` is how.
pub(crate) fn nginx(name: &'static str, home: &Path, root: &Path, core: usize, sending: &str) -> io::Result<Peer> {
    let location = format!("root {};", root.display());
    start(
        name,
        home,
        Some(core),
        &format!("{sending} open_file_cache max=10000 inactive=1h; open_file_cache_valid 1h;"),
        &location,
    )
}

/// Fetches what it lacks from `origin`: each thing once, however many ask, who have what has been fetched when it is complete. With
/// `slices`, a thing is 1 MiB of a file, else a file.
pub(crate) fn nginx_cache(name: &'static str, home: &Path, origin: SocketAddr, slices: bool) -> io::Result<Peer> {
    let cache = home.join("cache");
    let zone =
        format!("proxy_cache_path {} levels=1:2 keys_zone=zone:10m inactive=1h use_temp_path=off;", cache.display());
    let sliced = if slices {
        "slice 1m; proxy_cache_key $uri$slice_range; proxy_set_header Range $slice_range;"
    } else {
        "proxy_cache_key $uri;"
    };
    // The lock is never given up: whoever waits would then fetch for himself.
    let location = format!(
        "proxy_pass http://{origin}; proxy_http_version 1.1; proxy_set_header Connection \"\";
            proxy_cache zone; proxy_cache_valid 200 206 1h; proxy_cache_lock on; proxy_cache_lock_timeout 1h; proxy_cache_lock_age 1h;
            {sliced}"
    );
    start(name, home, None, &format!("sendfile on; {zone}"), &location)
}

fn start(name: &'static str, home: &Path, core: Option<usize>, http: &str, location: &str) -> io::Result<Peer> {
    fs::create_dir_all(home)?;
    let address = free_address()?;
    let configuration = home.join("nginx.conf");
    let (directory, user) = (home.display(), stay("user root;"));
    let text = format!(
        "{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    {http}
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    default_type audio/mpeg;
    client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
    uwsgi_temp_path {directory}; scgi_temp_path {directory};
    server {{
        listen {address};
        location / {{ {location} }}
    }}
}}
"
    );
    fs::write(&configuration, text)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(home).arg("-c").arg(&configuration).arg("-e").arg("stderr");
    Peer::start(name, home, address, core, &mut command)
}
