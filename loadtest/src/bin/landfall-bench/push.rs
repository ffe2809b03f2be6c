//! Many sockets, each waiting for a recording of its own; files land one by one, at times of their own. How late is `ready`?

use std::error::Error;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use loadtest::client::Listeners;
use loadtest::measure::arrivals::Arrivals;
use loadtest::measure::{Measure, Report, Samples, clock, process};
use loadtest::server::Server;
use loadtest::speech::Speech;
use serde_json::json;

use super::bench::Bench;
use super::calls::{self, Draft, ticks, unnamed};
use super::floor;
use super::listen::{between, subscribe, unsubscribe, until_ready};
use super::provider::Provider;

/// A file that arrives so much later than the one before it does not arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Files of a round that measures the floor: so few that the server's sockets need not answer a ping meanwhile.
const FLOOR: usize = 300;
/// Length of the recordings: 10 KB.
const SECONDS: f64 = 2.5;

#[derive(clap::Args)]
pub(crate) struct Push {
    /// Open sockets, each waiting for one recording
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sockets: u32,
    /// Files of others that land in a second
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Recordings of a round that the server's own worker lands
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=1024))]
    own: u32,
    /// How many of these the provider releases in a second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    own_rate: u32,
}

pub(crate) fn run(bench: &Bench, options: &Push, home: &Path) -> Result<Report, Box<dyn Error>> {
    process::raise_open_files(u64::from(options.sockets) + 2048)?;
    let provider = Provider::start()?;
    let settings = [("LANDFALL_WORKER__CONCURRENCY", "1024"), ("LANDFALL_WORKER__PER_TENANT", "1024")];
    let server = provider.serve(&bench.server()?, home, &settings)?;
    let files = calls::recordings(16, SECONDS);
    let mut listeners = Listeners::new()?;
    let token = server.token("agent");
    for _ in 0..options.sockets {
        listeners.web_socket(server.address(), &token)?;
    }

    let [mut before, mut after, mut own] = [const { Vec::new() }; 3];
    let [mut floor_before, mut floor_after] = [const { Vec::new() }; 2];
    for round in 0..=bench.rounds() as u64 {
        let sids = calls::sids(2 * round, options.sockets as usize);
        let (from_before, from_after) = others_land(&server, &mut listeners, &sids, &files, options.rate)?;
        let (least_before, least_after) = least(home, &sids[..sids.len().min(FLOOR)], &files, options.rate)?;
        let sids = calls::sids(2 * round + 1, options.own.min(options.sockets) as usize);
        let from_rename = own_worker_lands(&provider, &server, &mut listeners, &sids, options.own_rate)?;
        // The first round warms up.
        if round > 0 {
            before.push(from_before);
            after.push(from_after);
            own.push(from_rename);
            floor_before.push(least_before);
            floor_after.push(least_after);
        }
    }

    let parameters = json!({
        "sockets": options.sockets, "rate": options.rate, "own": options.own, "own_rate": options.own_rate,
    });
    let mut report = Report::new("push", parameters);
    let found = [
        ("before rename", before, options.sockets),
        ("after rename", after, options.sockets),
        ("own worker", own, options.own.min(options.sockets)),
    ];
    for (name, rounds, count) in found {
        let heard: usize = rounds.iter().map(|round| round.summary().count).sum();
        let lost = (count as usize * rounds.len()).saturating_sub(heard);
        report.measures.extend([
            Measure::of_rounds(format!("{name} → ready, p50"), &rounds, |summary| summary.p50_us).at_most(200.0),
            Measure::of_rounds(format!("{name} → ready, p99"), &rounds, |summary| summary.p99_us).at_most(2_000.0),
            Measure::new(format!("{name}, never heard"), "sockets", vec![lost as f64]).at_most(0.0),
        ]);
        report.distribution(name, &rounds);
    }
    for (name, rounds) in [("before rename → floor", floor_before), ("after rename → floor", floor_after)] {
        report.measures.push(Measure::of_rounds(format!("{name}, p50"), &rounds, |summary| summary.p50_us));
        report.measures.push(Measure::of_rounds(format!("{name}, p99"), &rounds, |summary| summary.p99_us));
        report.distribution(name, &rounds);
    }
    report.remarks.push(
        "before, after rename: another process's file, from just before or just after its rename(); own worker: from when inotify shows \
         the rename; floor: a thread that does nothing but watch the directory and write to the socket, in Landfall's place"
            .to_owned(),
    );
    Ok(report)
}

/// Files land as a worker of others lands them: from just before and from just after each rename until its listener has heard.
fn others_land(
    server: &Server,
    listeners: &mut Listeners,
    sids: &[String],
    files: &[Bytes],
    rate: u32,
) -> io::Result<(Samples, Samples)> {
    server.register(&unnamed(sids))?;
    subscribe(listeners, sids, "watch")?;
    let heard = land_and_hear(&server.volume(), listeners, sids, files, rate)?;
    unsubscribe(listeners, sids)?;
    Ok(heard)
}

/// The same with the least that can take a server's place.
fn least(home: &Path, sids: &[String], files: &[Bytes], rate: u32) -> io::Result<(Samples, Samples)> {
    let directory = home.join("floor");
    std::fs::create_dir_all(&directory)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        let server = scope.spawn(|| floor::serve(&listener, &directory, sids));
        let mut listeners = Listeners::new()?;
        for _ in sids {
            listeners.web_socket(address, "none")?;
        }
        let heard = land_and_hear(&directory, &mut listeners, sids, files, rate)?;
        server.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(heard)
    })
}

fn land_and_hear(
    directory: &Path,
    listeners: &mut Listeners,
    sids: &[String],
    files: &[Bytes],
    rate: u32,
) -> io::Result<(Samples, Samples)> {
    std::thread::scope(|scope| {
        let lander = scope.spawn(|| land_at(directory, sids, files, rate));
        let ready = until_ready(listeners, sids)?;
        let (before, after) = lander.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((between(&before, &ready), between(&after, &ready)))
    })
}

/// Just before and just after each rename.
type Renames = (Vec<Option<Instant>>, Vec<Option<Instant>>);

/// Every file is written and flushed before the first is renamed: the disk and this thread rest at the moment that is measured.
fn land_at(volume: &Path, sids: &[String], files: &[Bytes], rate: u32) -> io::Result<Renames> {
    let draft = |(sid, file): (&String, &Bytes)| Draft::write(volume, sid, file);
    let drafts: Vec<Draft> = sids.iter().zip(files.iter().cycle()).map(draft).collect::<io::Result<_>>()?;
    let landings = drafts.into_iter().zip(ticks(rate)).map(|(draft, at)| {
        clock::sleep_until(at);
        let landing = draft.land()?;
        Ok((Some(landing.before), Some(landing.after)))
    });
    landings.collect()
}

/// The provider releases recordings, and the server's own worker lands them: from each rename until its listener has heard.
fn own_worker_lands(
    provider: &Provider,
    server: &Server,
    listeners: &mut Listeners,
    sids: &[String],
    rate: u32,
) -> Result<Samples, Box<dyn Error>> {
    let recordings = provider.hold(sids, &Speech::shipped().call(0, SECONDS));
    let named: Vec<_> = sids.iter().cloned().zip(recordings.iter().cloned().map(Some)).collect();
    server.register(&named)?;
    let arrivals = Arrivals::of(&server.volume())?;
    subscribe(listeners, sids, "play")?;
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
        io::Result::Ok((seen, ready))
    })?;
    unsubscribe(listeners, sids)?;
    let landed: Vec<Option<Instant>> = sids.iter().map(|sid| seen.get(sid).copied()).collect();
    Ok(between(&landed, &ready))
}
