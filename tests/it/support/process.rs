//! The server as a process of its own, for what only a process can suffer: to be killed, and to be told to stop.

use std::net::{SocketAddr, TcpListener};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::{Child, Command};

use super::{Bench, SECRET};

/// A variable of the environment.
pub type Setting = (&'static str, String);

/// `landfall serve`, or `landfall worker`; killed when it is dropped.
pub struct Process(Child);

impl Process {
    /// Starts a server over the directory of a bench whose own server has been stopped, and points the bench at it.
    /// Returns when it is ready.
    pub async fn start(bench: &mut Bench) -> Self {
        let (process, url) = Self::server(bench, &[]).await;
        bench.url = url;
        process
    }

    /// Starts a server beside whatever others the bench has, with more settings; and where it is. Returns when it is
    /// ready.
    pub async fn server(bench: &Bench, more: &[Setting]) -> (Self, String) {
        let address = free();
        let mut process = Self::server_at(bench, address, more);
        process.ready(address).await;
        (process, format!("http://{address}"))
    }

    /// Starts a server at that address. Returns at once.
    pub fn server_at(bench: &Bench, address: SocketAddr, more: &[Setting]) -> Self {
        let listen = ("LANDFALL_LISTEN", address.to_string());
        Self::run(bench, "serve", &[&[listen], more].concat())
    }

    /// Starts a worker beside the bench's server. Returns when it is ready.
    pub async fn worker(bench: &Bench) -> Self {
        Self::worker_with(bench, &[]).await
    }

    /// The same with more settings.
    pub async fn worker_with(bench: &Bench, more: &[Setting]) -> Self {
        let address = free();
        let mut process = Self::worker_at(bench, address, more);
        process.ready(address).await;
        process
    }

    /// Starts a worker whose listener for operators is at that address. Returns at once.
    pub fn worker_at(bench: &Bench, address: SocketAddr, more: &[Setting]) -> Self {
        let listen = ("LANDFALL_METRICS_LISTEN", address.to_string());
        Self::run(bench, "worker", &[&[listen], more].concat())
    }

    /// Starts a worker that sees a file system of its own at the place of the volume, as a container does that was given
    /// none. Returns at once; `None` where the system lets nobody mount.
    pub async fn worker_without_the_volume(bench: &Bench) -> Option<(Self, SocketAddr)> {
        let may = Command::new("unshare").args(["-m", "true"]).status().await;
        if !may.is_ok_and(|status| status.success()) {
            return None;
        }
        let (address, volume) = (free(), bench.volume());
        let script =
            format!("mount -t tmpfs none '{}' && exec {} worker", volume.display(), env!("CARGO_BIN_EXE_landfall"));
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]);
        Some((Self::spawn(bench, command, &[("LANDFALL_METRICS_LISTEN", address.to_string())]), address))
    }

    /// Takes its own file system away again: what is mounted for all is seen.
    pub async fn mend_the_mount(&self, bench: &Bench) {
        let id = self.0.id().expect("it lives").to_string();
        let mut mend = Command::new("nsenter");
        // Files of the old one may still be open.
        mend.args(["-t", &id, "-m", "umount", "-l"]).arg(bench.volume());
        assert!(mend.status().await.expect("nsenter").success());
    }

    fn run(bench: &Bench, role: &str, more: &[Setting]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
        command.arg(role);
        Self::spawn(bench, command, more)
    }

    fn spawn(bench: &Bench, mut command: Command, more: &[Setting]) -> Self {
        let account = bench.simulator.account();
        let accounts = json!([{"account_sid": account.sid, "auth_token": account.auth_token}]);
        let directory = bench.directory.path();
        let child = command
            .current_dir(directory)
            .env("LANDFALL_VOLUME", directory.join("recordings"))
            .env("LANDFALL_DATABASE_URL", bench.database_url())
            .env("LANDFALL_AUTH__JWT_SECRET", SECRET)
            .env("LANDFALL_TWILIO__API_BASE", bench.simulator.base_url())
            .env("LANDFALL_TWILIO__ACCOUNTS", accounts.to_string())
            .env("LANDFALL_SHUTDOWN_GRACE", "2s")
            .envs(bench.redis_url().map(|url| ("LANDFALL_REDIS_URL", url)))
            .envs(more.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        Self(child)
    }

    pub async fn ready(&mut self, address: SocketAddr) {
        let ready = format!("http://{address}/readyz");
        while !reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == 200) {
            let ended = self.0.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended: {ended:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// SIGKILL: nothing is finished, nothing is cleaned up.
    pub async fn kill(mut self) {
        self.kill_in_place().await;
    }

    /// The same where its place is kept.
    pub async fn kill_in_place(&mut self) {
        self.0.kill().await.expect("it lives");
    }

    /// SIGTERM; how it ended.
    pub async fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(20), self.0.wait());
        ended.await.expect("it ends in time").expect("a child")
    }

    /// How it ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.0.wait());
        ended.await.expect("it ends in time").expect("a child")
    }

    /// SIGSTOP: it lives, and does nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.0.id().expect("it lives").cast_signed();
        kill_process(Pid::from_raw(id).expect("an id"), signal).expect("it lives");
    }
}

/// An address of this machine that is free.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port")
}
