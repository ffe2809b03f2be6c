//! Varnish as a cache in memory before an origin: no log records of requests, objects that do not age.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use loadtest::server::free_address;

use super::Peer;

/// What it would write into its shared memory for each hit.
const UNLOGGED: &str = "-Begin,-End,-Link,-ReqStart,-ReqMethod,-ReqURL,-ReqProtocol,-ReqHeader,-ReqUnset,-VCL_call,-VCL_return,\
    -VCL_use,-Hit,-RespProtocol,-RespStatus,-RespReason,-RespHeader,-RespUnset,-Timestamp,-ReqAcct,-Filters";

/// Keeps up to `bytes` of what `origin` serves; it streams to all who ask what is still on its way.
pub(crate) fn varnish(home: &Path, origin: SocketAddr, core: Option<usize>, bytes: u64) -> io::Result<Peer> {
    fs::create_dir_all(home)?;
    let address = free_address()?;
    let configuration = home.join("default.vcl");
    let (host, port) = (origin.ip(), origin.port());
    let text = format!(
        "vcl 4.1;
backend origin {{ .host = \"{host}\"; .port = \"{port}\"; }}
sub vcl_recv {{ return (hash); }}
sub vcl_backend_response {{ set beresp.ttl = 1d; return (deliver); }}
"
    );
    fs::write(&configuration, text)?;
    // Objects take somewhat more than their bytes.
    let storage = format!("malloc,{}m", bytes / 1024 / 1024 * 5 / 4 + 64);
    let unlogged = format!("vsl_mask={UNLOGGED}");
    let mut command = Command::new("varnishd");
    command.arg("-F").args(["-j", "none"]).arg("-n").arg(home.join("state")).arg("-f").arg(&configuration);
    command.args(["-a", &format!("{address},HTTP"), "-s", &storage]);
    for parameter in [
        "thread_pools=1",
        "thread_pool_min=100",
        "thread_pool_max=500",
        "timeout_idle=3600",
        "http_gzip_support=off",
        unlogged.as_str(),
    ] {
        command.args(["-p", parameter]);
    }
    Peer::start("varnish", home, address, core, &mut command)
}
