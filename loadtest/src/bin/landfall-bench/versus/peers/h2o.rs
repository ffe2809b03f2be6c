//! h2o as a server of files: one thread, no log.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use loadtest::server::free_address;

use super::{Peer, stay};

/// Serves what lies under `root`.
pub(crate) fn h2o(home: &Path, root: &Path, core: usize) -> io::Result<Peer> {
    fs::create_dir_all(home)?;
    let address = free_address()?;
    let configuration = home.join("h2o.conf");
    let (directory, root, user) = (home.display(), root.display(), stay("user: root"));
    let (host, port) = (address.ip(), address.port());
    let text = format!(
        "{user}
num-threads: 1
pid-file: {directory}/h2o.pid
error-log: {directory}/error.log
max-connections: 1024
http1-request-timeout: 3600
http1-upgrade-to-http2: OFF
hosts:
  default:
    listen: {{host: {host}, port: {port}}}
    paths:
      /: {{file.dir: \"{root}\"}}
"
    );
    fs::write(&configuration, text)?;
    Peer::start("h2o", home, address, Some(core), Command::new("h2o").arg("-c").arg(&configuration))
}
