//! Catalogs and volumes of many landed recordings, made once and kept: making the large one takes minutes.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use loadtest::client::Http;
use loadtest::server::{Server, Setup};
use loadtest::twilio::Account;

use super::bench::{Bench, SERVER_CORE};
use super::calls::{self, unnamed};

/// Length of the recordings: 8 KB.
const SECONDS: f64 = 2.0;
/// Where Debian has it.
const EATMYDATA: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/libeatmydata.so", "/usr/lib/aarch64-linux-gnu/libeatmydata.so"];
/// Connections that ask side by side.
const CONNECTIONS: usize = 4;

/// A directory that a server can be started in, and what lies there.
pub(crate) struct Prepared {
    pub(crate) home: PathBuf,
    pub(crate) sids: Vec<String>,
}

impl Prepared {
    /// The one with so many recordings; made now if it is not there.
    pub(crate) fn of(bench: &Bench, count: usize) -> Result<Self, Box<dyn Error>> {
        let home = bench.out()?.join(format!("prepared-{count}"));
        let sids = calls::sids(count as u64, count);
        let prepared = Self { home, sids };
        let complete = prepared.home.join("complete");
        if !complete.exists() {
            eprintln!("{count} recordings are prepared in {}, once", prepared.home.display());
            match fs::remove_dir_all(&prepared.home) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => fs::create_dir_all(&prepared.home)?,
            }
            let server = prepared.start(bench, None, &without_flushing())?;
            server.register(&unnamed(&prepared.sids))?;
            write_files(&server.volume(), &prepared.sids)?;
            look_at_each(&server, &prepared.sids)?;
            server.stop()?;
            rustix::fs::sync();
            fs::write(complete, "")?;
        }
        Ok(prepared)
    }

    /// A server in this directory.
    pub(crate) fn serve(&self, bench: &Bench) -> io::Result<Server> {
        self.start(bench, None, &[])
    }

    /// The same, kept on the core for servers.
    pub(crate) fn serve_on_its_core(&self, bench: &Bench) -> io::Result<Server> {
        self.start(bench, Some(SERVER_CORE), &[])
    }

    fn start(&self, bench: &Bench, core: Option<usize>, settings: &[(&str, &str)]) -> io::Result<Server> {
        Server::start(&Setup {
            binary: &bench.server()?,
            home: &self.home,
            api_base: "http://127.0.0.1:9",
            account: &Account::example(1),
            core,
            settings,
        })
    }

    /// `count` SIDs, evenly spread over all; another choice for each `offset`.
    pub(crate) fn some(&self, count: usize, offset: usize) -> Vec<String> {
        let step = (self.sids.len() / count).max(1);
        self.sids.iter().cycle().skip(offset).step_by(step).take(count).cloned().collect()
    }
}

/// What is made here need not survive a power cut: where Debian's `libeatmydata` is, a million takes minutes instead of hours.
fn without_flushing() -> Vec<(&'static str, &'static str)> {
    let library = EATMYDATA.iter().find(|path| Path::new(path).exists());
    library.map(|path| ("LD_PRELOAD", *path)).into_iter().collect()
}

/// Files of their own, not links to one: the file system has as much to look through as in earnest.
fn write_files(volume: &Path, sids: &[String]) -> io::Result<()> {
    let files = calls::recordings(64, SECONDS);
    for (sid, file) in sids.iter().zip(files.iter().cycle()) {
        let draft = volume.join(format!("{sid}.mp3.tmp"));
        fs::write(&draft, file)?;
        fs::rename(draft, volume.join(format!("{sid}.mp3")))?;
    }
    Ok(())
}

/// The server knows afterwards that each has landed, whatever became of the signals.
fn look_at_each(server: &Server, sids: &[String]) -> Result<(), Box<dyn Error>> {
    let token = server.token("agent");
    let look = |sids: &[String]| -> io::Result<()> {
        let mut http = Http::connect(server.address(), Some(&token))?;
        for sid in sids {
            let state = http.send("GET", &format!("/api/recordings/{sid}"), "", b"")?.expect(200)?;
            let state: serde_json::Value = serde_json::from_slice(&state)?;
            if state["state"] != "ready" {
                return Err(io::Error::other(format!("{sid} has landed, but its state is {}", state["state"])));
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let share = sids.len().div_ceil(CONNECTIONS);
        let threads: Vec<_> = sids.chunks(share).map(|sids| scope.spawn(move || look(sids))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(())
}
