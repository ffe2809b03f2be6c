//! The files that are served, and how many are asked for how; knows not by whom.

use std::fs;
use std::io;
use std::path::Path;

use loadtest::client::File;
use loadtest::server::{Server, Setup};
use loadtest::speech::Speech;
use loadtest::twilio::Account;
use serde_json::{Value, json};

use crate::bench::{Bench, CLIENT_CORE, SERVER_CORE};
use crate::calls::{self, unnamed};

/// Path of a recording, without its SID.
const PREFIX: &str = "/api/recordings/file/";
/// 2 MiB of speech, rounded up to a whole frame.
const SECONDS: f64 = 524.304;

#[derive(clap::Args)]
pub(crate) struct Load {
    /// Recordings of 2 MiB
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    files: u32,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) connections: u32,
    /// GB (10⁹ bytes) that a server serves of each kind of request in a round
    #[arg(long, default_value_t = 2.0)]
    pub(super) gigabytes: f64,
}

impl Load {
    pub(crate) fn parameters(&self, files: &Files) -> Value {
        json!({
            "files": self.files, "file_bytes": files.size(), "connections": self.connections,
            "gigabytes": self.gigabytes,
        })
    }

    pub(crate) fn remark(&self, files: &Files) -> String {
        format!(
            "{} hot files of {} bytes, {} connections, {} GB a round; server on core {SERVER_CORE}, client on core {CLIENT_CORE}",
            self.files,
            files.size(),
            self.connections,
            self.gigabytes
        )
    }
}

/// The recordings as Landfall names them, and links to them as others find them without rewriting anything.
pub(crate) struct Files {
    sids: Vec<String>,
    pub(super) files: Vec<File>,
}

impl Files {
    /// Writes them: the volume of a server whose home this is, and a `root` for the others.
    pub(crate) fn write(home: &Path, root: &Path, load: &Load) -> io::Result<Self> {
        let (volume, plain) = (home.join("volume"), root.join(PREFIX.trim_matches('/')));
        fs::create_dir_all(&volume)?;
        fs::create_dir_all(&plain)?;
        let sids = calls::sids(1, load.files as usize);
        let speech = Speech::shipped();
        let write = |(seed, sid): (u64, &String)| {
            let path = volume.join(format!("{sid}.mp3"));
            fs::write(&path, speech.call(seed, SECONDS).mp3(2))?;
            fs::hard_link(&path, plain.join(sid))?;
            let content = fs::File::open(&path)?;
            // Nothing is left to write back while servers are measured.
            content.sync_all()?;
            let size = content.metadata()?.len();
            Ok(File { target: format!("{PREFIX}{sid}"), content, size })
        };
        let files = (0..).zip(&sids).map(write).collect::<io::Result<_>>()?;
        Ok(Self { sids, files })
    }

    /// A Landfall that knows them, on the server's core.
    pub(crate) fn landfall(&self, bench: &Bench, home: &Path) -> io::Result<Server> {
        let server = Server::start(&Setup {
            binary: &bench.server()?,
            home,
            api_base: "http://127.0.0.1:9",
            account: &Account::example(1),
            core: Some(SERVER_CORE),
            settings: &[],
        })?;
        server.register(&unnamed(&self.sids))?;
        Ok(server)
    }

    /// Bytes of them all.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Bytes of each.
    fn size(&self) -> u64 {
        self.files[0].size
    }
}
