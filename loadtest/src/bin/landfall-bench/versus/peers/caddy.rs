//! Caddy as a server of files: one thread that runs Go, no log, no administration, no TLS.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use loadtest::server::free_address;

use super::Peer;

/// Serves what lies under `root`.
pub(crate) fn caddy(home: &Path, root: &Path, core: usize) -> io::Result<Peer> {
    fs::create_dir_all(home)?;
    let address = free_address()?;
    let configuration = home.join("Caddyfile");
    let (host, port, root) = (address.ip(), address.port(), root.display());
    let text = format!(
        "{{
	admin off
	auto_https off
	servers {{
		protocols h1
		timeouts {{
			idle 1h
		}}
	}}
}}
http://:{port} {{
	bind {host}
	root * {root}
	file_server
}}
"
    );
    fs::write(&configuration, text)?;
    let mut command = Command::new("caddy");
    command.arg("run").arg("--adapter").arg("caddyfile").arg("--config").arg(&configuration);
    command.env("GOMAXPROCS", "1").env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home);
    Peer::start("caddy", home, address, Some(core), &mut command)
}
