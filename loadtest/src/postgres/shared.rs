//! The server that all tests of a run share, each of which may be a process of its own. Knows no database.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

use super::cluster::{Cluster, is_root};

/// Ends the server when nobody has used it for a while: whoever uses it holds a shared lock.
const KEEPER: &str = r#"
while sleep 10; do
    flock --nonblock --exclusive "$1/users" sh -c '
        rm -f "$1/ready"
        kill "$(cat "$1/pgbouncer.pid")"
        setpriv $2 "$3" -D "$1/data" -m immediate stop
        rm -rf "$1/data"' - "$1" "$2" "$3" && exit
done
"#;

/// The shared server, started if it is not there. It stays for as long as this process lives, and some seconds more.
pub(super) fn cluster() -> io::Result<Cluster> {
    // Held until the process ends.
    static USED: OnceLock<File> = OnceLock::new();
    let directory = directory();
    std::fs::create_dir_all(&directory)?;
    std::fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
    let users = open(&directory, "users")?;
    flock(&users, FlockOperation::LockShared)?;
    let _ = USED.set(users);
    let starting = open(&directory, "starting")?;
    flock(&starting, FlockOperation::LockExclusive)?;
    if let Some(cluster) = running(&directory) {
        return Ok(cluster);
    }
    let home = directory.join("data");
    if home.exists() {
        std::fs::remove_dir_all(home)?;
    }
    let cluster = Cluster::start(&directory)?;
    std::fs::write(directory.join("ready"), format!("{} {}", cluster.port, cluster.pooler))?;
    let user = if is_root() { "--reuid=postgres" } else { "--no-new-privs" };
    Command::new("setsid")
        .args(["sh", "-c", KEEPER, "-"])
        .arg(&directory)
        .arg(user)
        .arg(cluster.pg_ctl().get_args().find(|arg| arg.to_string_lossy().ends_with("pg_ctl")).unwrap_or_default())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(cluster)
}

/// The one that another process has started.
fn running(directory: &Path) -> Option<Cluster> {
    let text = std::fs::read_to_string(directory.join("ready")).ok()?;
    let (port, pooler) = text.split_once(' ')?;
    let cluster =
        Cluster { directory: directory.to_path_buf(), port: port.parse().ok()?, pooler: pooler.parse().ok()? };
    cluster.listens().then_some(cluster)
}

/// One for each working copy and user. Not below it: others than its owner may not be allowed there.
fn directory() -> PathBuf {
    let copy =
        env!("CARGO_MANIFEST_DIR").bytes().fold(0u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("landfall-postgres-{user}-{copy:x}"))
}

fn open(directory: &Path, name: &str) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(directory.join(name))
}
