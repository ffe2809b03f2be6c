//! Thousands of idle sockets, each waiting for something of its own: what does one cost Landfall, and servers that do nothing else?

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use loadtest::client::Listeners;
use loadtest::measure::{Measure, Report, clock, process};
use serde_json::json;

use super::contender::{Contender, Way};
use super::crowd::Crowd;
use super::peers::broker::Kind;
use crate::bench::{Bench, CLIENT_CORE};
use crate::calls;
use crate::listen::idle;

const LANDFALL: &str = "landfall";
/// By then a server has noticed what was closed, and is done with what it was sent.
const SETTLE: Duration = Duration::from_secs(3);
/// All servers ping every 25 s, more or less.
const PING: Duration = Duration::from_secs(60);
/// KiB for a socket of Landfall.
const TARGET: f64 = 3.0;
const KIB: f64 = 1024.0;

#[derive(clap::Args)]
pub(crate) struct Sockets {
    /// Open sockets
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sockets: u32,
    /// Sockets that are opened and closed before memory is looked at for the first time
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    warm_up: u32,
}

/// KiB for each socket, of each round.
struct Found {
    name: &'static str,
    open: Vec<f64>,
    pinged: Vec<f64>,
    anonymous: Vec<f64>,
}

pub(crate) fn run(bench: &Bench, options: &Sockets, home: &Path) -> Result<Report, Box<dyn Error>> {
    process::raise_open_files(u64::from(options.sockets) + 2048)?;
    let mut found: Vec<Found> = [LANDFALL]
        .into_iter()
        .chain(Kind::ALL.map(Kind::name))
        .map(|name| Found { name, open: Vec::new(), pinged: Vec::new(), anonymous: Vec::new() })
        .collect();
    let mut peers = Vec::new();
    let binary = bench.server()?;
    let crowds = [(1, options.warm_up), (2, options.sockets)]
        .map(|(seed, count)| Crowd::Each(calls::sids(seed, count as usize)));
    register(&binary, home, &crowds)?;
    // A round takes minutes, and memory varies little.
    for round in 0..bench.rounds().min(3) {
        for turn in 0..found.len() {
            let turn = (turn + round) % found.len();
            let contender = match turn.checked_sub(1).map(|peer| Kind::ALL[peer]) {
                None => {
                    let server = Contender::landfall(&binary, home)?;
                    Contender::of(LANDFALL, &server, Way::Rename)
                }
                Some(kind) => Contender::peer(kind, home, options.sockets as usize)?,
            };
            if round == 0 {
                peers.extend(contender.version().map(str::to_owned));
            }
            process::on_core(CLIENT_CORE, || measure(&contender, &crowds, &mut found[turn]))
                .map_err(|error| io::Error::other(format!("{}: {error}", contender.name())))?;
        }
    }
    let parameters = json!({"sockets": options.sockets, "warm_up": options.warm_up, "peers": peers});
    let mut report = Report::new("versus-sockets", parameters);
    let label = format!("{} sockets", super::thousands(options.sockets));
    for Found { name, open, pinged, anonymous } in found {
        let measure = |what, values| Measure::new(format!("{label}, {name}: {what}"), "KiB", values);
        let settled = measure("resident per socket, after a ping", pinged);
        report.measures.extend([
            measure("resident per socket, just subscribed", open),
            if name == LANDFALL { settled.at_most(TARGET) } else { settled },
            measure("anonymous per socket, after a ping", anonymous),
        ]);
    }
    report.remarks.extend([
        "each server's processes only, all of them pinned to one core: the kernel's socket buffers are not part of it. Landfall's sockets are \
         authenticated and subscribed, each to its own recording; the peers' have a channel each, and no users"
            .to_owned(),
        "what the peers had before is in none of their figures: nginx reserves its connections when it starts, and Node.js has garbage of its \
         start to collect, so that these are rather too low"
            .to_owned(),
        peers.join("; "),
    ]);
    Ok(report)
}

/// The recordings that are waited for, by a server that is gone before anything is measured: what it has freed would be used again.
fn register(binary: &Path, home: &Path, crowds: &[Crowd; 2]) -> io::Result<()> {
    let server = Contender::landfall(binary, home)?;
    let contender = Contender::of(LANDFALL, &server, Way::Rename);
    crowds.iter().try_for_each(|crowd| contender.register(crowd))
}

fn measure(contender: &Contender, [warm_up, crowd]: &[Crowd; 2], found: &mut Found) -> io::Result<()> {
    drop(contender.open(warm_up)?);
    clock::pause(SETTLE);
    let before = memory(contender)?;
    // Less than before is told as it is: a collector of garbage may run in between.
    let per_socket = |bytes: u64, before: u64| (bytes as f64 - before as f64) / crowd.sockets() as f64 / KIB;
    let mut listeners = contender.open(crowd)?;
    idle(&mut listeners, SETTLE)?;
    let now = memory(contender)?;
    found.open.push(per_socket(now.resident, before.resident));
    until_pinged(&mut listeners)?;
    idle(&mut listeners, SETTLE)?;
    let now = memory(contender)?;
    found.pinged.push(per_socket(now.resident, before.resident));
    found.anonymous.push(per_socket(now.anonymous, before.anonymous));
    Ok(())
}

/// Until each has answered one.
fn until_pinged(listeners: &mut Listeners) -> io::Result<()> {
    let late = clock::now() + PING;
    while listeners.fewest_pings() == 0 {
        if clock::now() > late {
            return Err(io::Error::other("it does not ping every socket"));
        }
        idle(listeners, Duration::from_secs(1))?;
    }
    Ok(())
}

fn memory(contender: &Contender) -> io::Result<process::Memory> {
    let mut sum = process::Memory { resident: 0, anonymous: 0 };
    for pid in contender.pids() {
        let of = process::memory(pid)?;
        sum.resident += of.resident;
        sum.anonymous += of.anonymous;
    }
    Ok(sum)
}
