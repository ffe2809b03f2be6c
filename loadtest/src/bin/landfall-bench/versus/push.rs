//! Signal to sockets, against servers that do nothing else: one waiter, many with a channel each, very many on one channel.

mod findings;

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use loadtest::measure::{Report, Samples, clock, process};
use serde_json::json;

use super::contender::{Contender, Way};
use super::crowd::{Crowd, hear};
use super::peers::broker::Kind;
use crate::bench::{Bench, CLIENT_CORE};
use crate::calls::{self, ticks};
use findings::Found;

const RENAME: &str = "landfall (rename)";
const SIGNAL: &str = "landfall (signal)";
/// Length of the recordings: 10 KB.
const SECONDS: f64 = 2.5;
/// Longer than any message takes after the one before.
const PATIENCE: Duration = Duration::from_secs(15);
/// A server is done with what it was told before, and with sockets that were closed.
const SETTLE: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct Push {
    /// Messages to the one waiter
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    one: u32,
    /// How many of these in a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    one_rate: u32,
    /// Open sockets, each waiting for one message
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sockets: u32,
    /// Messages to them in a second
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Open sockets that all wait for the same
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    many: u32,
    /// Messages to all of them in a round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    times: u32,
}

/// What is measured of each contender.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    One,
    Each,
    All,
}

impl Case {
    const EVERY: [Self; 3] = [Self::One, Self::Each, Self::All];

    fn crowd(self, options: &Push, seed: u64) -> Crowd {
        let sids = |count: u32| calls::sids(seed, count as usize);
        match self {
            Self::One => Crowd::All(1, sids(options.one)),
            Self::Each => Crowd::Each(sids(options.sockets)),
            Self::All => Crowd::All(options.many as usize, sids(options.times)),
        }
    }
}

/// What one round found.
struct Round {
    /// From just before the system call that tells the server, until each socket had it.
    before: Samples,
    /// From just after it; nothing of [`Case::All`].
    after: Samples,
    /// Of each message of [`Case::All`]: until the last socket had it.
    last: Samples,
    /// The server's processes, for one message at one socket.
    cpu: Duration,
}

pub(crate) fn run(bench: &Bench, options: &Push, home: &Path) -> Result<Report, Box<dyn Error>> {
    let most = options.sockets.max(options.many) as usize;
    process::raise_open_files(most as u64 + 2048)?;
    let server = Contender::landfall(&bench.server()?, home)?;
    let mut contenders = vec![Contender::of(RENAME, &server, Way::Rename), Contender::of(SIGNAL, &server, Way::Signal)];
    for kind in Kind::ALL {
        contenders.push(Contender::peer(kind, home, most)?);
    }
    let files = calls::recordings(16, SECONDS);
    let mut found: Vec<Vec<Found>> =
        Case::EVERY.iter().map(|_| contenders.iter().map(|contender| Found::of(contender.name())).collect()).collect();
    let mut seed = 0;
    process::on_core(CLIENT_CORE, || {
        for round in 0..=bench.rounds() {
            for (case, found) in Case::EVERY.into_iter().zip(&mut found) {
                for turn in 0..contenders.len() {
                    let turn = (turn + round) % contenders.len();
                    let contender = &contenders[turn];
                    // Another request would only tell the same of a crowd.
                    if case != Case::One && contender.name() == SIGNAL {
                        continue;
                    }
                    seed += 1;
                    let crowd = case.crowd(options, seed);
                    let heard = measure(contender, case, options, &crowd, &files)
                        .map_err(|error| io::Error::other(format!("{}: {error}", contender.name())))?;
                    // The first round warms up.
                    if round > 0 {
                        found[turn].rounds.push(heard);
                    }
                }
            }
        }
        Ok(())
    })?;

    let peers: Vec<&str> = contenders.iter().filter_map(Contender::version).collect();
    let parameters = json!({
        "one": options.one, "one_rate": options.one_rate, "sockets": options.sockets, "rate": options.rate,
        "many": options.many, "times": options.times, "peers": peers,
    });
    let mut report = Report::new("versus-push", parameters);
    findings::tell(&mut report, &found, options);
    report.remarks.push(peers.join("; "));
    // All servers end before the report is made.
    drop(contenders);
    drop(Arc::into_inner(server));
    Ok(report)
}

fn measure(contender: &Contender, case: Case, options: &Push, crowd: &Crowd, files: &[Bytes]) -> io::Result<Round> {
    let mut herald = contender.herald(crowd, files)?;
    let mut listeners = contender.open(crowd)?;
    crate::listen::idle(&mut listeners, SETTLE)?;
    let (sids, pids) = (crowd.sids(), contender.pids());
    let mut round =
        Round { before: Samples::default(), after: Samples::default(), last: Samples::default(), cpu: Duration::ZERO };
    let began = process::cpu_time_of(&pids)?;
    if case == Case::All {
        for sid in sids {
            let told = herald.tell()?;
            let place = |socket, heard: &str| (heard == sid).then_some(socket);
            let heard = hear(&mut listeners, crowd.sockets(), PATIENCE, place)?;
            heard.iter().for_each(|at| round.before.push(at.saturating_duration_since(told.before)));
            let last = heard.into_iter().max().unwrap_or(told.after);
            round.last.push(last.saturating_duration_since(told.before));
        }
        herald.end()?;
    } else {
        let rate = if case == Case::One { options.one_rate } else { options.rate };
        let (told, heard) = std::thread::scope(|scope| {
            let teller = scope.spawn(|| herald.tell_at(ticks(rate)));
            let heard = if case == Case::One {
                let numbers: HashMap<&str, usize> = sids.iter().map(String::as_str).zip(0..).collect();
                hear(&mut listeners, sids.len(), PATIENCE, |_, sid| numbers.get(sid).copied())
            } else {
                hear(&mut listeners, sids.len(), PATIENCE, |socket, sid| (sids[socket] == sid).then_some(socket))
            };
            let told = teller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            io::Result::Ok((told?, heard?))
        })?;
        for (told, heard) in told.iter().zip(&heard) {
            round.before.push(heard.saturating_duration_since(told.before));
            round.after.push(heard.saturating_duration_since(told.after));
        }
    }
    let deliveries = round.before.summary().count.max(1) as u32;
    round.cpu = (process::cpu_time_of(&pids)? - began) / deliveries;
    drop(listeners);
    clock::pause(SETTLE);
    Ok(round)
}
