//! Servers of the same hot files in turns, each alone on one core and the client on another; knows neither who they are nor who is good.

mod files;

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;

use loadtest::client::{Amount, File, Http, Ranges, Transfer};
use loadtest::measure::{Measure, Report, Samples, process};
use loadtest::random::Random;
use loadtest::server::Server;

use super::bench::CLIENT_CORE;
use super::versus::peers::Peer;
pub(crate) use files::{Files, Load};

const GB: f64 = 1e9;
/// Every so many answers are compared byte by byte.
const COMPARE_EVERY: u64 = 64;

/// What is asked for, and its name in the report.
pub(crate) type Case = (&'static str, Amount);

/// A server, and what was found of it: per case, per round.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    address: SocketAddr,
    pids: Vec<u32>,
    token: Option<String>,
    found: Vec<Vec<Round>>,
}

struct Round {
    cpu_seconds: f64,
    transfer: Transfer,
}

impl From<&Server> for Contender {
    fn from(server: &Server) -> Self {
        let (address, token) = (server.address(), Some(server.token("agent")));
        Self { name: "landfall", address, pids: vec![server.pid()], token, found: Vec::new() }
    }
}

impl From<&Peer> for Contender {
    fn from(peer: &Peer) -> Self {
        let (name, address, pids) = (peer.name(), peer.address(), peer.pids().to_vec());
        Self { name, address, pids, token: None, found: Vec::new() }
    }
}

impl Contender {
    /// Every file once, so that a cache has it, and each byte compared.
    fn warm(&self, files: &[File]) -> io::Result<()> {
        let mut http = Http::connect(self.address, self.token.as_deref())?;
        for file in files {
            let body = http.send("GET", &file.target, "", b"")?.expect(200)?;
            let mut written = vec![0; file.size as usize];
            file.content.read_exact_at(&mut written, 0)?;
            if body != written {
                return Err(io::Error::other(format!("{}: {} is not as it was written", self.name, file.target)));
            }
        }
        Ok(())
    }

    fn round(&self, amount: Amount, files: &[File], load: &Load, bytes: f64, seed: u64) -> io::Result<Round> {
        let ranges = Ranges {
            address: self.address,
            token: self.token.as_deref(),
            files,
            amount,
            connections: load.connections as usize,
            compare_every: COMPARE_EVERY,
        };
        let before = process::cpu_time_of(&self.pids)?;
        let transfer = ranges.fetch(bytes as u64, &mut Random::seeded(seed))?;
        let cpu_seconds = (process::cpu_time_of(&self.pids)? - before).as_secs_f64();
        Ok(Round { cpu_seconds, transfer })
    }

    fn measure(&self, case: usize, name: String, unit: &str, value: impl Fn(&Round) -> f64) -> Measure {
        Measure::new(name, unit, self.found[case].iter().map(value).collect())
    }
}

/// What a contender did in one case.
pub(crate) struct Found {
    pub(crate) cpu: Measure,
    pub(crate) rate: Measure,
    speed: Measure,
    name: String,
    latencies: Vec<Samples>,
}

impl Found {
    fn of(contender: &Contender, case: usize, label: &str) -> Self {
        let name = format!("{label}, {}", contender.name);
        let measure = |what: &str, unit, value: fn(&Round) -> f64| {
            contender.measure(case, format!("{name}: {what}"), unit, value)
        };
        Self {
            cpu: measure("CPU", "s/GB", |round| round.cpu_seconds / (round.transfer.bytes as f64 / GB)),
            rate: measure("rate", "requests/s", |round| {
                round.transfer.requests as f64 / round.transfer.elapsed.as_secs_f64()
            }),
            speed: measure("speed", "MB/s", |round| {
                round.transfer.bytes as f64 / 1e6 / round.transfer.elapsed.as_secs_f64()
            }),
            latencies: contender.found[case].iter().map(|round| round.transfer.latency.clone()).collect(),
            name,
        }
    }

    pub(crate) fn tell(self, report: &mut Report) {
        report.measures.extend([self.cpu, self.speed, self.rate]);
        report.distribution(&self.name, &self.latencies);
    }
}

/// Lets each of them serve each case in each round, a round that warms up before; what was found, by case and in their order.
///
/// The order differs from round to round, so that nobody always comes after the same pause.
pub(crate) fn in_turns(
    mut contenders: Vec<Contender>,
    cases: &[Case],
    Files { files, .. }: &Files,
    load: &Load,
    rounds: usize,
) -> io::Result<Vec<Vec<Found>>> {
    if std::thread::available_parallelism()?.get() < 2 {
        return Err(io::Error::other("server and client need a core each"));
    }
    process::on_core(CLIENT_CORE, || {
        for contender in &mut contenders {
            contender.warm(files)?;
            contender.found.resize_with(cases.len(), Vec::new);
        }
        for round in 0..=rounds {
            // The first round warms up.
            let bytes = if round == 0 { GB / 4.0 } else { load.gigabytes * GB };
            for (case, (_, amount)) in cases.iter().enumerate() {
                for turn in 0..contenders.len() {
                    let at = (round + turn) % contenders.len();
                    let contender = &mut contenders[at];
                    // All of them ask for the same ranges.
                    let found = contender.round(*amount, files, load, bytes, round as u64);
                    let found = found.map_err(|error| io::Error::other(format!("{}: {error}", contender.name)))?;
                    if round > 0 {
                        contender.found[case].push(found);
                    }
                }
            }
        }
        Ok(())
    })?;
    let found = |(case, (label, _)): (usize, &Case)| {
        contenders.iter().map(|contender| Found::of(contender, case, label)).collect()
    };
    Ok(cases.iter().enumerate().map(found).collect())
}

/// The one by the other, round by round.
pub(crate) fn ratio(name: String, over: &Measure, under: &Measure) -> Measure {
    Measure::new(name, "×", over.rounds.iter().zip(&under.rounds).map(|(over, under)| over / under).collect())
}
