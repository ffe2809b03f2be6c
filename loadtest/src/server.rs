//! A Landfall server as a child process with a directory of its own; knows it only from outside: command line, settings, routes.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::client::{Http, token};
use crate::measure::{clock, process};
use crate::twilio::Account;

/// Tokens are signed with it; the server listens on the loopback only.
pub const SECRET: &str = "a secret that only protects a measurement";
/// Whose the calls are.
const TENANT: &str = "t";
/// In the server's directory.
const VOLUME: &str = "volume";
/// A server that is not ready by then is broken.
const START: Duration = Duration::from_secs(60);
/// A server that is not gone by then does not want to.
const STOP: Duration = Duration::from_secs(30);
/// Connections that register calls side by side.
const REGISTRARS: usize = 4;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The program `landfall`.
    pub binary: &'a Path,
    /// Its directory: volume, catalog and log. Made if missing, and left as it is when the server is gone.
    pub home: &'a Path,
    /// Where the provider is, without a slash at the end.
    pub api_base: &'a str,
    /// The account there.
    pub account: &'a Account,
    /// Keeps it on one core.
    pub core: Option<usize>,
    /// More settings: variables and values. Limits that one client would exceed are lifted anyway.
    pub settings: &'a [(&'a str, &'a str)],
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    command: Box<Command>,
    child: Child,
    address: SocketAddr,
    home: PathBuf,
    account_sid: String,
    startup: Duration,
}

impl Server {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not ready within a minute; its log tells why.
    pub fn start(setup: &Setup<'_>) -> io::Result<Self> {
        let Setup { binary, home, api_base, account, core, settings } = setup;
        std::fs::create_dir_all(home.join(VOLUME))?;
        let address = free_address()?;
        let log = std::fs::File::create(home.join("server.log"))?;
        let accounts =
            json!([{"account_sid": account.sid, "auth_token": account.auth_token, "tenant": TENANT}]).to_string();
        let many = "1000000";
        let mut command = Command::new(binary.canonicalize()?);
        command
            .arg("serve")
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .env("LANDFALL_LISTEN", address.to_string())
            // Relative, as it is by default.
            .env("LANDFALL_VOLUME", VOLUME)
            .env("LANDFALL_DATABASE_URL", format!("sqlite://{}", home.join("landfall.db").display()))
            .env("LANDFALL_AUTH__JWT_SECRET", SECRET)
            .env("LANDFALL_TWILIO__API_BASE", api_base)
            .env("LANDFALL_TWILIO__ACCOUNTS", accounts)
            .env("LANDFALL_LIMITS__SOCKETS_PER_USER", many)
            .env("LANDFALL_LIMITS__SOCKETS_PER_ADDRESS", many)
            .env("LANDFALL_LIMITS__WAITING_REQUESTS", many)
            .env("LANDFALL_LIMITS__PREPARES_PER_MINUTE", many)
            .env("LANDFALL_LIMITS__REQUESTS_PER_MINUTE", many)
            .env("LANDFALL_LIMITS__REQUESTS_AT_ONCE", many)
            .env("LANDFALL_LIMITS__JOBS_WAITING", many)
            .envs(settings.iter().copied());
        let began = clock::now();
        let child = match core {
            Some(core) => process::on_core(*core, || command.spawn())?,
            None => command.spawn()?,
        };
        let mut server = Self {
            command: Box::new(command),
            child,
            address,
            home: home.to_path_buf(),
            account_sid: account.sid.clone(),
            startup: Duration::ZERO,
        };
        server.until_ready(began)?;
        Ok(server)
    }

    fn until_ready(&mut self, began: Instant) -> io::Result<()> {
        loop {
            let ready = || Http::connect(self.address, None)?.send("GET", "/readyz", "", b"");
            if ready().is_ok_and(|reply| reply.status == 200) {
                self.startup = clock::now() - began;
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || clock::now() - began > START {
                let log = std::fs::read_to_string(self.home.join("server.log")).unwrap_or_default();
                let status = ended.map_or("is not ready".to_owned(), |status| format!("ended ({status})"));
                return Err(io::Error::other(format!("the server {status}; its log:\n{log}")));
            }
            clock::pause(Duration::from_millis(1));
        }
    }

    /// What signs its tokens.
    pub fn secret() -> &'static str {
        SECRET
    }

    /// Asks it to stop, waits until it has, and starts it again: same address, same directory.
    ///
    /// # Errors
    /// When it does not stop, fails doing so, or is not ready again within a minute.
    pub fn restart(&mut self) -> io::Result<()> {
        self.terminate()?;
        let began = clock::now();
        self.child = self.command.spawn()?;
        self.until_ready(began)
    }

    /// From the start of the process to the first answer that it is ready, in steps of a millisecond.
    pub fn startup(&self) -> Duration {
        self.startup
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its volume.
    pub fn volume(&self) -> PathBuf {
        self.home.join(VOLUME)
    }

    /// A token of the tenant, valid for a day: role `agent` or `admin`, or `service` for a back end.
    pub fn token(&self, role: &str) -> String {
        let until = (Timestamp::now() + SignedDuration::from_hours(24)).as_second();
        token::sign(SECRET, &json!({"sub": "bench", "business_id": TENANT, "role": role, "exp": until}))
    }

    /// Registers calls; a second SID is the call's recording at the provider.
    pub fn register(&self, calls: &[(String, Option<String>)]) -> io::Result<()> {
        let token = self.token("service");
        let register = |calls: &[(String, Option<String>)]| -> io::Result<()> {
            let mut http = Http::connect(self.address, Some(&token))?;
            for (call, recording) in calls {
                let mut body = json!({"tenant": TENANT, "account_sid": self.account_sid});
                if let Some(recording) = recording {
                    body["recording_sid"] = json!(recording);
                }
                let reply = http.send("PUT", &format!("/api/calls/{call}"), "", body.to_string().as_bytes())?;
                // 200: it was registered before.
                if reply.status != 200 {
                    reply.expect(201)?;
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let share = calls.len().div_ceil(REGISTRARS).max(1);
            let threads: Vec<_> = calls.chunks(share).map(|calls| scope.spawn(move || register(calls))).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    /// When it does not, or fails doing so.
    pub fn stop(mut self) -> io::Result<()> {
        self.terminate()
    }

    fn terminate(&mut self) -> io::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let late = clock::now() + STOP;
        while clock::now() < late {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(io::Error::other(format!("the server stopped with {status}"))),
                None => clock::pause(Duration::from_millis(5)),
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "the server did not stop"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback that was free a moment ago.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
