//! The server as a process of its own, for what only a process can suffer: to be killed, and to be told to stop.

use std::net::TcpListener;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::process::{Child, Command};

use super::{Bench, SECRET};

/// `landfall serve`; killed when it is dropped.
pub struct Process(Child);

impl Process {
    /// Starts it over the directory of a bench whose own server has been stopped, and points the bench at it. Returns
    /// when it is ready.
    pub async fn start(bench: &mut Bench) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let account = bench.simulator.account();
        let accounts = json!([{"account_sid": account.sid, "auth_token": account.auth_token}]);
        let directory = bench.directory.path();
        let child = Command::new(env!("CARGO_BIN_EXE_landfall"))
            .arg("serve")
            .current_dir(directory)
            .env("LANDFALL_LISTEN", address.to_string())
            .env("LANDFALL_VOLUME", directory.join("recordings"))
            .env("LANDFALL_DATABASE_URL", format!("sqlite://{}", directory.join("landfall.db").display()))
            .env("LANDFALL_AUTH__JWT_SECRET", SECRET)
            .env("LANDFALL_TWILIO__API_BASE", bench.simulator.base_url())
            .env("LANDFALL_TWILIO__ACCOUNTS", accounts.to_string())
            .env("LANDFALL_SHUTDOWN_GRACE", "2s")
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        bench.url = format!("http://{address}");
        let mut process = Self(child);
        let ready = format!("{}/readyz", bench.url);
        while !reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == 200) {
            let ended = process.0.try_wait().expect("a child");
            assert!(ended.is_none(), "the server ended: {ended:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        process
    }

    /// SIGKILL: nothing is finished, nothing is cleaned up.
    pub async fn kill(mut self) {
        self.0.kill().await.expect("it lives");
    }

    /// SIGTERM; how it ended.
    pub async fn terminate(mut self) -> ExitStatus {
        let id = self.0.id().expect("it lives").cast_signed();
        let id = rustix::process::Pid::from_raw(id).expect("an id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it lives");
        let ended = tokio::time::timeout(Duration::from_secs(20), self.0.wait());
        ended.await.expect("it ends in time").expect("a child")
    }
}
