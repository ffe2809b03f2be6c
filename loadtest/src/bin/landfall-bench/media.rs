//! CPU of serving ranges of hot files, against nginx: each server alone on one core, the client on another, in turns.

use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use loadtest::client::{File, Ranges, Transfer};
use loadtest::measure::{Measure, Report, Samples, process};
use loadtest::random::Random;
use loadtest::server::{Server, Setup};
use loadtest::twilio::Account;
use serde_json::json;

use super::bench::Bench;
use super::calls::{self, unnamed};
use super::nginx::{self, Nginx};

const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;
/// Bytes of each range.
const LENGTHS: [(u64, &str); 2] = [(64 * 1024, "64 KiB"), (1024 * 1024, "1 MiB")];
/// 2 MiB of speech, rounded up to a whole frame.
const SECONDS: f64 = 524.304;
const GB: f64 = 1e9;
/// nginx with `tcp_nopush` is left out: over the loopback, whose segments carry 65,483 bytes, it keeps the last bytes of 64 KiB back
/// for 44 ms, so that it would be measured as idle.
const SENDFILE: &str = "sendfile on;";
const COPY: &str = "sendfile off;";
/// Every so many answers are compared byte by byte.
const COMPARE_EVERY: u64 = 64;

#[derive(clap::Args)]
pub(crate) struct Media {
    /// Recordings of 2 MiB
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    files: u32,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// GB (10⁹ bytes) of each range size that a server serves in a round
    #[arg(long, default_value_t = 3.0)]
    gigabytes: f64,
    /// Put a second nginx, set up like the first, in Landfall's place: whatever is not 1.0 then is the harness's own error
    #[arg(long)]
    self_check: bool,
}

impl Media {
    pub(crate) fn name(&self) -> &'static str {
        if self.self_check { "media-self-check" } else { "media" }
    }
}

/// A server, and what was found of it: per range size, per round.
struct Contender {
    name: &'static str,
    address: SocketAddr,
    pids: Vec<u32>,
    token: Option<String>,
    found: [Vec<Round>; LENGTHS.len()],
}

struct Round {
    cpu_seconds: f64,
    transfer: Transfer,
}

impl Contender {
    fn new(name: &'static str, address: SocketAddr, pids: &[u32], token: Option<String>) -> Self {
        Self { name, address, pids: pids.to_vec(), token, found: Default::default() }
    }

    fn round(&mut self, size: usize, files: &[File], options: &Media, bytes: f64, seed: u64) -> io::Result<Round> {
        let ranges = Ranges {
            address: self.address,
            token: self.token.as_deref(),
            files,
            length: LENGTHS[size].0,
            connections: options.connections as usize,
            compare_every: COMPARE_EVERY,
        };
        let before = process::cpu_time_of(&self.pids)?;
        let transfer = ranges.fetch(bytes as u64, &mut Random::seeded(seed))?;
        let cpu_seconds = (process::cpu_time_of(&self.pids)? - before).as_secs_f64();
        Ok(Round { cpu_seconds, transfer })
    }

    /// One value of each round.
    fn each(&self, size: usize, value: impl Fn(&Round) -> f64) -> Vec<f64> {
        self.found[size].iter().map(value).collect()
    }

    fn cpu_per_gb(&self, size: usize) -> Measure {
        let name = format!("{}, {}: CPU", LENGTHS[size].1, self.name);
        Measure::new(name, "s/GB", self.each(size, |round| round.cpu_seconds / (round.transfer.bytes as f64 / GB)))
    }
}

pub(crate) fn run(bench: &Bench, options: &Media, home: &Path) -> Result<Report, Box<dyn Error>> {
    if std::thread::available_parallelism()?.get() < 2 {
        return Err("server and client need a core each".into());
    }
    let volume = home.join("volume");
    let plain = home.join("plain");
    let (sids, files) = write_files(&volume, &plain, options.files as usize)?;
    let with_sendfile = Nginx::start(&home.join("nginx-sendfile"), &plain, SERVER_CORE, SENDFILE)?;
    let with_copies = Nginx::start(&home.join("nginx-copy"), &plain, SERVER_CORE, COPY)?;
    let candidate = Candidate::start(bench, options, home, &plain, &sids)?;
    let mut contenders = [
        candidate.contender(),
        Contender::new("nginx sendfile", with_sendfile.address(), with_sendfile.pids(), None),
        Contender::new("nginx copy", with_copies.address(), with_copies.pids(), None),
    ];
    process::on_core(CLIENT_CORE, || {
        for round in 0..=bench.rounds() as u64 {
            for size in 0..LENGTHS.len() {
                for contender in &mut contenders {
                    // The first round warms up. The others all ask for the same ranges.
                    let bytes = if round == 0 { GB / 4.0 } else { options.gigabytes * GB };
                    let found = contender.round(size, &files, options, bytes, round)?;
                    if round > 0 {
                        contender.found[size].push(found);
                    }
                }
            }
        }
        Ok(())
    })?;
    drop(candidate);

    let parameters = json!({
        "files": options.files, "file_bytes": files[0].size, "connections": options.connections,
        "gigabytes": options.gigabytes, "nginx": nginx::version()?,
    });
    let mut report = Report::new(options.name(), parameters);
    for size in 0..LENGTHS.len() {
        judge(&mut report, &contenders, size, options.self_check);
    }
    report.remarks.push(format!(
        "{}; {} hot files of {} bytes, {} connections, {} GB a round; server on core {SERVER_CORE}, client on core {CLIENT_CORE}; best \
         nginx: the one with the lower median, compared round by round",
        nginx::version()?,
        options.files,
        files[0].size,
        options.connections,
        options.gigabytes
    ));
    Ok(report)
}

fn judge(report: &mut Report, contenders: &[Contender; 3], size: usize, self_check: bool) {
    let label = LENGTHS[size].1;
    let [candidate, sendfile, copy] = contenders.each_ref().map(|contender| contender.cpu_per_gb(size));
    let best = if self_check || copy.median <= sendfile.median { &copy } else { &sendfile };
    let ratio = candidate.rounds.iter().zip(&best.rounds).map(|(candidate, best)| candidate / best).collect();
    let ratio = Measure::new(format!("{label}: CPU of {} / best nginx", contenders[0].name), "×", ratio);
    report.measures.push(if self_check { ratio } else { ratio.at_most(1.0) });
    report.measures.extend([candidate, sendfile, copy]);
    for contender in contenders {
        let name = format!("{label}, {}", contender.name);
        let speed = |round: &Round| round.transfer.bytes as f64 / 1e6 / round.transfer.elapsed.as_secs_f64();
        let rate = |round: &Round| round.transfer.requests as f64 / round.transfer.elapsed.as_secs_f64();
        report.measures.push(Measure::new(format!("{name}: speed"), "MB/s", contender.each(size, speed)));
        report.measures.push(Measure::new(format!("{name}: rate"), "requests/s", contender.each(size, rate)));
        let latencies: Vec<Samples> =
            contender.found[size].iter().map(|round| round.transfer.latency.clone()).collect();
        report.distribution(&name, &latencies);
    }
}

/// What is measured against nginx.
enum Candidate {
    Landfall(Server),
    Nginx(Nginx),
}

impl Candidate {
    fn start(bench: &Bench, options: &Media, home: &Path, plain: &Path, sids: &[String]) -> io::Result<Self> {
        if options.self_check {
            return Ok(Self::Nginx(Nginx::start(&home.join("nginx-again"), plain, SERVER_CORE, COPY)?));
        }
        let server = Server::start(&Setup {
            binary: &bench.server()?,
            home,
            api_base: "http://127.0.0.1:9",
            account: &Account::example(1),
            core: Some(SERVER_CORE),
            settings: &[],
        })?;
        server.register(&unnamed(sids))?;
        Ok(Self::Landfall(server))
    }

    fn contender(&self) -> Contender {
        match self {
            Self::Landfall(server) => {
                Contender::new("landfall", server.address(), &[server.pid()], Some(server.token("agent")))
            }
            Self::Nginx(nginx) => Contender::new("nginx again", nginx.address(), nginx.pids(), None),
        }
    }
}

/// The recordings as Landfall names them, and links to them as nginx finds them without rewriting anything.
fn write_files(volume: &Path, plain: &Path, count: usize) -> io::Result<(Vec<String>, Vec<File>)> {
    fs::create_dir_all(volume)?;
    fs::create_dir_all(plain)?;
    let sids = calls::sids(1, count);
    let speech = loadtest::speech::Speech::shipped();
    let write = |(seed, sid): (u64, &String)| {
        let path: PathBuf = volume.join(format!("{sid}.mp3"));
        fs::write(&path, speech.call(seed, SECONDS).mp3(2))?;
        fs::hard_link(&path, plain.join(sid))?;
        let content = fs::File::open(&path)?;
        // Nothing is left to write back while servers are measured.
        content.sync_all()?;
        let size = content.metadata()?.len();
        Ok(File { target: format!("/api/recordings/file/{sid}"), content, size })
    };
    let files = (0u64..).zip(&sids).map(write).collect::<io::Result<_>>()?;
    Ok((sids, files))
}
