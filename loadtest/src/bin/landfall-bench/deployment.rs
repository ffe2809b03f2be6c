//! What many processes share: one Redis, one database, one volume; and a worker as a process of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use loadtest::client::Http;
use loadtest::measure::clock;
use loadtest::postgres::Database;
use loadtest::redis::Redis;
use loadtest::server::{SECRET, Server, free_address};

use super::provider::Provider;

/// A worker that is not ready by then is broken.
const START: Duration = Duration::from_secs(30);

pub(crate) struct Deployment {
    pub(crate) redis: Redis,
    pub(crate) database: Database,
    binary: PathBuf,
    home: PathBuf,
}

impl Deployment {
    pub(crate) fn start(binary: PathBuf, home: &Path) -> io::Result<Self> {
        let (redis, database) = (Redis::start()?, Database::create()?);
        Ok(Self { redis, database, binary, home: home.to_path_buf() })
    }

    /// One server more, which has its own directory for all but the volume.
    pub(crate) fn server(&self, provider: &Provider, name: &str) -> io::Result<Server> {
        let home = self.home.join(name);
        std::fs::create_dir_all(&home)?;
        let shared = self.shared();
        let settings: Vec<(&str, &str)> = shared.iter().map(|(name, value)| (*name, value.as_str())).collect();
        provider.serve(&self.binary, &home, &settings)
    }

    /// A worker that fetches everything at once.
    pub(crate) fn worker(&self, provider: &Provider) -> io::Result<Worker> {
        let address = free_address()?;
        let log = std::fs::File::create(self.home.join("worker.log"))?;
        let child = Command::new(&self.binary)
            .arg("worker")
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .envs(provider.settings())
            .envs(self.shared())
            .env("LANDFALL_AUTH__JWT_SECRET", SECRET)
            .env("LANDFALL_METRICS_LISTEN", address.to_string())
            .env("LANDFALL_WORKER__CONCURRENCY", "1024")
            .env("LANDFALL_WORKER__PER_TENANT", "1024")
            .spawn()?;
        let (worker, late) = (Worker(child), clock::now() + START);
        let ready = || Http::connect(address, None)?.send("GET", "/readyz", "", b"");
        while !ready().is_ok_and(|reply| reply.status == 200) {
            if clock::now() > late {
                let log = std::fs::read_to_string(self.home.join("worker.log"))?;
                return Err(io::Error::other(format!("the worker is not ready; its log:\n{log}")));
            }
            clock::pause(Duration::from_millis(10));
        }
        Ok(worker)
    }

    pub(crate) fn volume(&self) -> PathBuf {
        self.home.join("shared")
    }

    fn shared(&self) -> [(&'static str, String); 3] {
        [
            ("LANDFALL_REDIS_URL", self.redis.url()),
            ("LANDFALL_DATABASE_URL", self.database.url()),
            ("LANDFALL_VOLUME", self.volume().display().to_string()),
        ]
    }
}

/// A running worker; killed when it is dropped.
pub(crate) struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a command prints.
pub(crate) fn said(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
