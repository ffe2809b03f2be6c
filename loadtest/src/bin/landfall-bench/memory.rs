//! Thousands of idle sockets, each subscribed to a recording of its own: how much memory does the server need for one?

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use loadtest::client::Listeners;
use loadtest::measure::{Measure, Report, clock, process};
use loadtest::server::Server;
use serde_json::json;

use super::bench::Bench;
use super::calls::{self, unnamed};
use super::listen::{idle, subscribe};
use super::provider::Provider;

/// Longer than the server waits between two pings (25 s): by then each socket has answered one.
const PING: Duration = Duration::from_secs(32);
/// By then the server has noticed what was closed, and is done with what it was sent.
const SETTLE: Duration = Duration::from_secs(3);
/// Sockets that are opened before pings are answered again.
const BATCH: usize = 500;

#[derive(clap::Args)]
pub(crate) struct Memory {
    /// Open sockets
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sockets: u32,
    /// Sockets that are opened and closed before memory is looked at for the first time
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    warm_up: u32,
}

pub(crate) fn run(bench: &Bench, options: &Memory, home: &Path) -> Result<Report, Box<dyn Error>> {
    // Both ends: the server inherits the limit, and would raise its own soft limit no further than the hard one.
    process::raise_open_files(u64::from(options.sockets) + 2048)?;
    let provider = Provider::start()?;
    let warm_up = calls::sids(1, options.warm_up as usize);
    let sids = calls::sids(2, options.sockets as usize);
    let (mut open, mut pinged, mut anonymous) = (Vec::new(), Vec::new(), Vec::new());
    // A round takes most of a minute, and memory varies little.
    for round in 0..bench.rounds().min(3) {
        let server = provider.serve(&bench.server()?, home, &[])?;
        if round == 0 {
            server.register(&unnamed(&warm_up))?;
            server.register(&unnamed(&sids))?;
        }
        drop(connect(&server, &warm_up)?);
        clock::pause(SETTLE);
        let before = process::memory(server.pid())?;
        let per_socket =
            |bytes: u64, before: u64| bytes.saturating_sub(before) as f64 / f64::from(options.sockets) / 1024.0;
        let mut listeners = connect(&server, &sids)?;
        idle(&mut listeners, SETTLE)?;
        let now = process::memory(server.pid())?;
        open.push(per_socket(now.resident, before.resident));
        idle(&mut listeners, PING)?;
        let now = process::memory(server.pid())?;
        pinged.push(per_socket(now.resident, before.resident));
        anonymous.push(per_socket(now.anonymous, before.anonymous));
        server.stop()?;
    }
    let mut report = Report::new("memory", json!({"sockets": options.sockets, "warm_up": options.warm_up}));
    report.measures.extend([
        Measure::new("resident per socket, just subscribed", "KiB", open).at_most(4.0),
        Measure::new("resident per socket, after a ping", "KiB", pinged).at_most(4.0),
        Measure::new("anonymous per socket, after a ping", "KiB", anonymous),
    ]);
    report.remarks.push("the server's memory only: the kernel's socket buffers are not part of it".to_owned());
    Ok(report)
}

/// As many sockets as there are SIDs, each subscribed to one.
fn connect(server: &Server, sids: &[String]) -> io::Result<Listeners> {
    let mut listeners = Listeners::new()?;
    let token = server.token("agent");
    for (index, _) in sids.iter().enumerate() {
        listeners.web_socket(server.address(), &token)?;
        if index % BATCH == 0 {
            idle(&mut listeners, Duration::ZERO)?;
        }
    }
    subscribe(&mut listeners, sids, "watch")?;
    Ok(listeners)
}
