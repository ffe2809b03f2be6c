//! One PostgreSQL server with its pooler, in a directory of its own. Does not end with its handle.

use std::ffi::OsStr;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::USER;
use crate::measure::clock;
use crate::server::free_address;

/// Where Debian puts the server's programs: in a directory for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// A pooler that does not listen by then does not want to.
const START: Duration = Duration::from_secs(20);

/// A server and its pooler.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) directory: PathBuf,
    pub(super) port: u16,
    pub(super) pooler: u16,
}

impl Cluster {
    /// Makes one in an empty directory that other users can enter, and starts it.
    ///
    /// # Errors
    /// When PostgreSQL or PgBouncer is not installed or does not start.
    pub fn start(directory: &Path) -> io::Result<Self> {
        let cluster =
            Self { directory: directory.to_path_buf(), port: free_address()?.port(), pooler: free_address()?.port() };
        let data = cluster.data();
        if is_root() {
            // PostgreSQL and PgBouncer refuse to run as root.
            done(Command::new("chown").arg("postgres").arg(directory))?;
        }
        let data_path = data.as_os_str();
        let auth = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"];
        done(unprivileged(program("initdb")).arg("-D").arg(data_path).args(["-U", USER]).args(auth))?;
        cluster.certify()?;
        let (port, certificate, key) = (cluster.port, cluster.certificate(), cluster.key());
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nmax_connections = 300\n\
             shared_buffers = 32MB\nfsync = off\nshared_preload_libraries = 'pg_stat_statements'\nssl = on\n\
             ssl_cert_file = '{}'\nssl_key_file = '{}'\n",
            certificate.display(),
            key.display(),
        );
        std::fs::write(data.join("postgresql.auto.conf"), settings)?;
        cluster.start_server()?;
        cluster.start_pooler()?;
        Ok(cluster)
    }

    /// Starts the server, where it was stopped.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_server(&self) -> io::Result<()> {
        let log = self.directory.join("postgres.log");
        done(self.pg_ctl().args(["-w", "-l"]).arg(log).arg("start"))
    }

    /// Stops the server, and leaves the pooler.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop_server(&self) -> io::Result<()> {
        done(self.pg_ctl().args(["-w", "-m", "fast", "stop"]))
    }

    /// Has the pooler hang, as if the way to it were cut, or go on: `STOP` or `CONT`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn signal_pooler(&self, signal: &str) -> io::Result<()> {
        let pid = std::fs::read_to_string(self.pooler_pid())?;
        done(Command::new("kill").args(["-s", signal, pid.trim()]))
    }

    /// Stops both.
    pub fn stop(&self) {
        // Either may have ended by itself.
        let _ = std::fs::read_to_string(self.pooler_pid()).map(|pid| done(Command::new("kill").arg(pid.trim())));
        let _ = done(self.pg_ctl().args(["-w", "-m", "immediate", "stop"]));
    }

    /// Whether both can be connected to.
    pub(super) fn listens(&self) -> bool {
        [self.port, self.pooler].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    }

    /// Runs a statement in no test's database.
    pub(super) fn sql(&self, sql: &str) -> io::Result<()> {
        let url = self.url(self.port, "postgres");
        done(Command::new("psql").args(["-qX", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", sql]))
    }

    pub(super) fn url(&self, port: u16, database: &str) -> String {
        format!("postgres://{USER}:hunter2@127.0.0.1:{port}/{database}")
    }

    pub(super) fn pg_ctl(&self) -> Command {
        let mut command = unprivileged(program("pg_ctl"));
        command.arg("-D").arg(self.data());
        command
    }

    pub(super) fn pooler_pid(&self) -> PathBuf {
        self.directory.join("pgbouncer.pid")
    }

    /// A certificate for `localhost` that is its own authority.
    pub(super) fn certificate(&self) -> PathBuf {
        self.directory.join("localhost.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.join("localhost.key")
    }

    fn certify(&self) -> io::Result<()> {
        let about = self.directory.join("localhost.cnf");
        let text = "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = more\n[name]\nCN = localhost\n\
                    [more]\nsubjectAltName = DNS:localhost\nbasicConstraints = critical, CA:FALSE\n";
        std::fs::write(&about, text)?;
        let mut openssl = unprivileged("openssl".into());
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-noenc",
            "-days",
            "2",
        ]);
        done(openssl.arg("-config").arg(about).arg("-keyout").arg(self.key()).arg("-out").arg(self.certificate()))
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// A small pool whose sessions take turns: what relies on getting the same one twice fails at once. Signing in is cheap:
    /// SCRAM's 4096 rounds, without optimisation, keep a runtime's thread busy for longer than anybody has patience.
    fn start_pooler(&self) -> io::Result<()> {
        let (port, pooler, directory) = (self.port, self.pooler, self.directory.display());
        let users = self.directory.join("users.txt");
        std::fs::write(&users, format!("\"{USER}\" \"hunter2\"\n"))?;
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {pooler}\n\
             unix_socket_dir =\nauth_type = md5\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 3\n\
             server_round_robin = 1\nserver_idle_timeout = 5\nserver_login_retry = 1\nmax_client_conn = 2000\n\
             client_tls_sslmode = allow\nclient_tls_cert_file = {}\nclient_tls_key_file = {}\n\
             logfile = {directory}/pgbouncer.log\npidfile = {}\n",
            users.display(),
            self.certificate().display(),
            self.key().display(),
            self.pooler_pid().display(),
        );
        let file = self.directory.join("pgbouncer.ini");
        std::fs::write(&file, settings)?;
        done(unprivileged(program("pgbouncer")).arg("-d").arg(&file))?;
        let begun = clock::now();
        while !self.listens() {
            if clock::now() - begun > START {
                return Err(io::Error::other(format!("PgBouncer does not start: see {directory}/pgbouncer.log")));
            }
            clock::pause(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// The program of the newest version that is installed, else that of the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    let sbin = Path::new("/usr/sbin").join(name);
    found.pop().unwrap_or_else(|| if sbin.exists() { sbin } else { name.into() })
}

/// A command in a session of its own, so that it outlives the test that starts it; as the user `postgres` where we are root.
fn unprivileged(program: PathBuf) -> Command {
    let mut command = Command::new("setsid");
    command.arg("--wait");
    if is_root() {
        command.args(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg(program).current_dir("/");
    command
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a command to its end.
fn done(command: &mut Command) -> io::Result<()> {
    let name = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let missing = "is PostgreSQL there? apt-get install postgresql pgbouncer";
    // A file, and no pipe: what the command leaves running would hold that open.
    let said = tempfile()?;
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said.1.try_clone()?).status();
    let said = std::fs::read_to_string(&said.0).and_then(|text| std::fs::remove_file(&said.0).map(|()| text))?;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(io::Error::other(format!("`{name}` ended with {status}: {said} ({missing})"))),
        Err(error) => Err(io::Error::other(format!("`{name}`: {error} ({missing})"))),
    }
}

fn tempfile() -> io::Result<(PathBuf, std::fs::File)> {
    static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("landfall-said-{}-{n}", std::process::id()));
    let file = std::fs::File::create(&path)?;
    Ok((path, file))
}
