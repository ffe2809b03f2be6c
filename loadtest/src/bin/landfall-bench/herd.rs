//! Hundreds of listeners of one recording that has yet to be fetched: one fetch, and how long from the first `ready` to the last?

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use loadtest::client::Listeners;
use loadtest::measure::arrivals::Arrivals;
use loadtest::measure::{Measure, Report, Samples, clock, process};
use loadtest::server::Server;
use loadtest::speech::Speech;
use serde_json::json;

use super::bench::Bench;
use super::calls;
use super::listen::{between, subscribe, until_ready};
use super::provider::Provider;

/// By then a request that was sent is being held: nothing tells when.
const SETTLE: Duration = Duration::from_millis(500);
/// The file arrives by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// Length of the recording: 240 KB.
const SECONDS: f64 = 60.0;

#[derive(clap::Args)]
pub(crate) struct Herd {
    /// Listeners of the one recording
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(4..=20_000))]
    listeners: u32,
}

/// How the listeners wait.
#[derive(Clone, Copy)]
struct Mix {
    sockets: u32,
    streams: u32,
    requests: u32,
}

#[derive(Default)]
struct Found {
    spread: Vec<Samples>,
    first: Vec<Samples>,
    /// The most of any round.
    fetches: u64,
}

pub(crate) fn run(bench: &Bench, options: &Herd, home: &Path) -> Result<Report, Box<dyn Error>> {
    process::raise_open_files(u64::from(options.listeners) + 2048)?;
    let provider = Provider::start()?;
    let server = provider.serve(&bench.server()?, home, &[])?;
    let count = options.listeners;
    let alike = Mix { sockets: count, streams: 0, requests: 0 };
    let mixed = Mix { sockets: count - count / 4 * 2, streams: count / 4, requests: count / 4 };
    let mut kinds = [("sockets", alike, Found::default()), ("mixed", mixed, Found::default())];
    for round in 0..=bench.rounds() as u64 {
        for (kind, (_, mix, found)) in (0u64..).zip(&mut kinds) {
            let sid = calls::sids(2 * round + kind, 1).remove(0);
            let mut heard = Found::default();
            herd(&provider, &server, *mix, sid, &mut heard)?;
            // The first round warms up.
            if round > 0 {
                found.spread.append(&mut heard.spread);
                found.first.append(&mut heard.first);
            }
            // One fetch too many is one too many even then.
            found.fetches = found.fetches.max(heard.fetches);
        }
    }

    let mut report = Report::new("herd", json!({"listeners": count}));
    for (name, _, found) in kinds {
        let ms = |rounds: &[Samples]| rounds.iter().map(|round| round.summary().max_us / 1e3).collect();
        report.measures.extend([
            Measure::new(format!("{count} {name}: first → last ready"), "ms", ms(&found.spread)).at_most(20.0),
            Measure::new(format!("{count} {name}: landed → first ready"), "ms", ms(&found.first)),
            Measure::new(format!("{count} {name}: media fetches, at most"), "fetches", vec![found.fetches as f64])
                .at_most(1.0),
        ]);
        report.distribution(name, &found.spread);
    }
    report.remarks.push(format!(
        "mixed: {} sockets, {} event streams and {} held requests; distributions are of the time after the first ready",
        mixed.sockets, mixed.streams, mixed.requests
    ));
    Ok(report)
}

fn herd(provider: &Provider, server: &Server, mix: Mix, sid: String, found: &mut Found) -> Result<(), Box<dyn Error>> {
    let recording = provider.hold(std::slice::from_ref(&sid), &Speech::shipped().call(0, SECONDS)).remove(0);
    server.register(&[(sid.clone(), Some(recording.clone()))])?;
    let (address, token) = (server.address(), server.token("agent"));
    let mut listeners = Listeners::new()?;
    for _ in 0..mix.sockets {
        listeners.web_socket(address, &token)?;
    }
    subscribe(&mut listeners, &vec![sid.clone(); mix.sockets as usize], "play")?;
    for _ in 0..mix.streams {
        listeners.events(address, &token, &format!("/api/recordings/events?sid={sid}&intent=play"))?;
    }
    for _ in 0..mix.requests {
        let target = format!("/api/recordings/file/{sid}?wait=30");
        listeners.held(address, &token, &target, "Range: bytes=0-1\r\n")?;
    }
    provider.until_asked(std::slice::from_ref(&recording))?;
    clock::pause(SETTLE);

    let arrivals = Arrivals::of(&server.volume())?;
    let (seen, ready) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| arrivals.collect(1, PATIENCE));
        provider.release(&recording);
        let ready =
            until_ready(&mut listeners, &vec![sid.clone(); (mix.sockets + mix.streams + mix.requests) as usize])?;
        let seen = watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        std::io::Result::Ok((seen, ready))
    })?;
    let missing = ready.iter().filter(|ready| ready.is_none()).count();
    if missing > 0 {
        return Err(format!("{missing} of {} listeners did not hear ready", ready.len()).into());
    }
    let first = ready.iter().copied().min().flatten();
    found.spread.push(between(&vec![first; ready.len()], &ready));
    found.first.push(between(&[seen.get(&sid).copied()], &[first]));
    found.fetches = provider.asked(&recording);
    Ok(())
}
