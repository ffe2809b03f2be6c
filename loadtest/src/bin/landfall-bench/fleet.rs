//! Two servers and a worker, as they are deployed: plays are asked of the one server, and the sockets that wait are the
//! other's. How late is `ready`?

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use loadtest::client::{Http, Listeners};
use loadtest::measure::arrivals::Arrivals;
use loadtest::measure::{Measure, Report, Samples, clock, process};
use loadtest::server::Server;
use loadtest::speech::Speech;
use serde_json::json;

use super::bench::Bench;
use super::calls::{self, ticks};
use super::deployment::Deployment;
use super::listen::{between, subscribe, unsubscribe, until_ready};
use super::provider::Provider;

/// A file that arrives so much later than the one before it does not arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Length of the recordings: 10 KB.
const SECONDS: f64 = 2.5;

#[derive(clap::Args)]
pub(crate) struct Fleet {
    /// Sockets of the other server, each waiting for one recording
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=1024))]
    sockets: u32,
    /// Recordings that the provider releases in a second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
}

pub(crate) fn run(bench: &Bench, options: &Fleet, home: &Path) -> Result<Report, Box<dyn Error>> {
    process::raise_open_files(u64::from(options.sockets) + 2048)?;
    let provider = Provider::start()?;
    let deployment = Deployment::start(bench.server()?, home)?;
    let (asked, other) = (deployment.server(&provider, "asked")?, deployment.server(&provider, "other")?);
    let _worker = deployment.worker(&provider)?;
    let mut listeners = Listeners::new()?;
    let token = other.token("agent");
    for _ in 0..options.sockets {
        listeners.web_socket(other.address(), &token)?;
    }
    let mut rounds = Vec::new();
    for round in 0..=bench.rounds() as u64 {
        let sids = calls::sids(round, options.sockets as usize);
        let found = land(&provider, &deployment, &asked, &mut listeners, &sids, options.rate)?;
        // The first round warms up.
        if round > 0 {
            rounds.push(found);
        }
    }
    let mut report = Report::new("fleet", json!({"sockets": options.sockets, "rate": options.rate}));
    let heard: usize = rounds.iter().map(|round| round.summary().count).sum();
    let lost = (options.sockets as usize * rounds.len()).saturating_sub(heard);
    report.measures.extend([
        Measure::of_rounds("rename → ready at another server, p50", &rounds, |summary| summary.p50_us),
        Measure::of_rounds("rename → ready at another server, p99", &rounds, |summary| summary.p99_us).at_most(5_000.0),
        Measure::new("never heard", "sockets", vec![lost as f64]).at_most(0.0),
    ]);
    report.distribution("rename → ready at another server", &rounds);
    report.remarks.push("from when inotify shows the rename; all processes are on one machine".to_owned());
    Ok(report)
}

fn land(
    provider: &Provider,
    deployment: &Deployment,
    asked: &Server,
    listeners: &mut Listeners,
    sids: &[String],
    rate: u32,
) -> Result<Samples, Box<dyn Error>> {
    let recordings = provider.hold(sids, &Speech::shipped().call(0, SECONDS));
    let named: Vec<_> = sids.iter().cloned().zip(recordings.iter().cloned().map(Some)).collect();
    asked.register(&named)?;
    let arrivals = Arrivals::of(&deployment.volume())?;
    subscribe(listeners, sids, "watch")?;
    let mut http = Http::connect(asked.address(), Some(&asked.token("agent")))?;
    for sid in sids {
        http.send("POST", &format!("/api/recordings/{sid}/prepare"), "", b"")?.expect(202)?;
    }
    provider.until_asked(&recordings)?;
    let (seen, ready) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| arrivals.collect(sids.len(), PATIENCE));
        scope.spawn(|| {
            for (recording, at) in recordings.iter().zip(ticks(rate)) {
                clock::sleep_until(at);
                provider.release(recording);
            }
        });
        let ready = until_ready(listeners, sids)?;
        let seen = watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        std::io::Result::Ok((seen, ready))
    })?;
    unsubscribe(listeners, sids)?;
    let landed: Vec<Option<Instant>> = sids.iter().map(|sid| seen.get(sid).copied()).collect();
    Ok(between(&landed, &ready))
}
