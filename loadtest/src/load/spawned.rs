//! A server that was started for the test, with its simulated provider, and workers behind a Redis where they are wanted.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::Failure;
use crate::redis::Redis;
use crate::server::{Server, Setup, free_address};
use crate::twilio::{Options, Simulator};

/// All that was started; it ends with this.
pub(super) struct Spawned {
    simulator: Simulator,
    running: Arc<Mutex<Running>>,
    url: String,
    home: PathBuf,
}

struct Running {
    server: Option<Server>,
    workers: Vec<Worker>,
    _redis: Option<Redis>,
}

impl Spawned {
    /// Starts all of it in a directory of its own.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) async fn start(program: &Path, workers: usize) -> Result<Self, Failure> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("landfall-load-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&home)?;
        let simulator = Simulator::start(Options::default()).await?;
        let account = simulator.account().clone();
        let (program, api_base, place) = (program.to_path_buf(), simulator.base_url().to_owned(), home.clone());
        let running = spawn_blocking(move || -> io::Result<Running> {
            let redis = if workers > 0 { Some(Redis::start()?) } else { None };
            // Calls belong to several tenants: the account itself is nobody's.
            let accounts = json!([{"account_sid": account.sid, "auth_token": account.auth_token}]).to_string();
            let mut settings = vec![("LANDFALL_TWILIO__ACCOUNTS", accounts.as_str())];
            let url = redis.as_ref().map(Redis::url).unwrap_or_default();
            if redis.is_some() {
                settings.push(("LANDFALL_REDIS_URL", url.as_str()));
            }
            let (binary, home) = (program.as_path(), place.as_path());
            let setup = Setup { binary, home, api_base: &api_base, account: &account, core: None, settings: &settings };
            let server = Server::start(&setup)?;
            let program = binary.canonicalize()?;
            let worker =
                || Worker::start(&program, home, &server, &[("LANDFALL_TWILIO__API_BASE", &api_base)], &settings);
            let workers = (0..workers).map(|_| worker()).collect::<io::Result<_>>()?;
            Ok(Running { server: Some(server), workers, _redis: redis })
        })
        .await??;
        let url = running.server.as_ref().map(|server| format!("http://{}", server.address())).unwrap_or_default();
        Ok(Self { simulator, running: Arc::new(Mutex::new(running)), url, home })
    }

    /// Where the server is; also after a restart.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// What signs tokens.
    pub(super) fn secret(&self) -> &'static str {
        Server::secret()
    }

    /// Where the simulator is.
    pub(super) fn simulator_url(&self) -> String {
        self.simulator.base_url().to_owned()
    }

    /// The server's volume.
    pub(super) fn volume(&self) -> PathBuf {
        self.home.join("volume")
    }

    /// SIGTERM, and the same server again.
    pub(super) async fn restart(&self) -> Result<(), Failure> {
        let running = Arc::clone(&self.running);
        spawn_blocking(move || {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            running.server.as_mut().map_or(Ok(()), Server::restart)
        })
        .await??;
        Ok(())
    }

    /// SIGKILL for one worker, and a new one in its place.
    pub(super) async fn kill_worker(&self) -> Result<(), Failure> {
        let running = Arc::clone(&self.running);
        spawn_blocking(move || {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            match running.workers.first_mut() {
                Some(worker) => worker.replace().map_err(Failure::from),
                None => Err("kill-worker needs --workers".into()),
            }
        })
        .await?
    }

    /// Stops the server, and says so if it does not stop as it should.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        let running = Arc::clone(&self.running);
        spawn_blocking(move || {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            running.workers.clear();
            running.server.take().map_or(Ok(()), Server::stop)
        })
        .await??;
        Ok(())
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.workers.clear();
        running.server = None;
        // It lies among the temporary files.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// A worker process; killed when it is dropped.
struct Worker {
    command: Command,
    child: Child,
}

impl Worker {
    fn start(
        program: &Path,
        home: &Path,
        server: &Server,
        more: &[(&str, &String)],
        settings: &[(&str, &str)],
    ) -> io::Result<Self> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(home.join("worker.log"))?;
        let mut command = Command::new(program);
        command
            .arg("worker")
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .env("LANDFALL_VOLUME", server.volume())
            .env("LANDFALL_DATABASE_URL", format!("sqlite://{}", home.join("landfall.db").display()))
            // A worker asks nobody who they are, and is configured as a whole all the same.
            .env("LANDFALL_AUTH__JWT_SECRET", Server::secret())
            .env("LANDFALL_METRICS_LISTEN", free_address()?.to_string())
            .envs(more.iter().copied())
            .envs(settings.iter().copied());
        let child = command.spawn()?;
        Ok(Self { command, child })
    }

    fn replace(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = self.command.spawn()?;
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
