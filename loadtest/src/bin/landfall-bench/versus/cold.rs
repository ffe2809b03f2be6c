//! Many clients ask at the same moment for a file that nobody has: Landfall and caches that others would take, each before a slow origin.

mod rounds;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use loadtest::client::Got;
use loadtest::measure::{Measure, Report, Samples, Summary};
use loadtest::speech::Speech;
use serde_json::json;

use super::origin::{Origin, PARTS};
use super::peers::{self, nginx_cache, varnish};
use crate::bench::Bench;
use crate::provider::Provider;
use rounds::{Landfall, Round, by_held_requests, by_sockets, through};

/// 2 MiB of speech, rounded down to a whole frame: two slices of 1 MiB.
const SECONDS: f64 = 524.268;
/// From a request to the head of the origin's answer.
const LATENCY: Duration = Duration::from_millis(200);
/// Of each body of the origin.
const BYTES_PER_SECOND: u64 = 1024 * 1024;

#[derive(clap::Args)]
pub(crate) struct Cold {
    /// Clients that ask at the same moment
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=300))]
    clients: u32,
}

pub(crate) fn run(bench: &Bench, options: &Cold, home: &Path) -> Result<Report, Box<dyn Error>> {
    let clients = options.clients as usize;
    let audio = Speech::shipped().call(0, SECONDS);
    let content = audio.mp3(2);
    let provider = Provider::start()?;
    let server = provider.serve(&bench.server()?, home, &[])?;
    let landfall = Landfall { server: &server, provider: &provider, audio: &audio, content: &content };
    let origin = Origin::start(content.clone(), LATENCY, BYTES_PER_SECOND)?;
    let peers = [
        nginx_cache("nginx lock", &home.join("nginx-lock"), origin.address(), false)?,
        nginx_cache("nginx slice", &home.join("nginx-slice"), origin.address(), true)?,
        varnish(&home.join("varnish"), origin.address(), None, 1 << 30)?,
    ];

    let mut found: Vec<(&str, Vec<Round>)> = vec![("landfall sockets", vec![]), ("landfall held requests", vec![])];
    found.extend(peers.iter().map(|peer| (peer.name(), vec![])));
    for round in 0..=bench.rounds() as u64 {
        for (at, (name, rounds)) in found.iter_mut().enumerate() {
            let seen = match at {
                0 => by_sockets(&landfall, clients, 2 * round),
                1 => by_held_requests(&landfall, clients, 2 * round + 1),
                peer => through(&peers[peer - 2], &origin, &content, clients, round),
            };
            let seen = seen.map_err(|error| format!("{name}: {error}"))?;
            // The first round warms up.
            if round > 0 {
                rounds.push(seen);
            }
        }
    }

    let versions = [peers::version("nginx", "-v")?, peers::version("varnishd", "-V")?];
    let parameters = json!({
        "clients": clients, "file_bytes": content.len(), "latency_ms": LATENCY.as_millis() as u64,
        "bytes_per_second": BYTES_PER_SECOND, "peers": versions,
    });
    let mut report = Report::new("versus-cold", parameters);
    for (name, rounds) in &found {
        tell(&mut report, &format!("{clients} clients, {name}"), rounds);
    }
    report.remarks.push(format!(
        "{}; a file of {} bytes that nobody has; the origin answers after {} ms and sends {BYTES_PER_SECOND} bytes a second in {PARTS} \
         parts; times are from the moment when the first client asks",
        versions.join(", "),
        content.len(),
        LATENCY.as_millis(),
    ));
    report.remarks.push(
        "Varnish and Landfall pass on what has come so far, nginx does so for the client that fetches and with slices for each of these: \
         their first bytes come while the origin still sends. Landfall's last byte comes when all have landed, whole and verified; clients on \
         sockets fetch then"
            .to_owned(),
    );
    report.remarks.push(
        "nginx lock: proxy_cache with proxy_cache_lock, never given up; nginx slice: the same in slices of 1 MiB; clients of Landfall either \
         listen on a socket (play) and fetch at `ready`, or send one request with ?wait=30"
            .to_owned(),
    );
    Ok(report)
}

fn tell(report: &mut Report, name: &str, rounds: &[Round]) {
    let landfall = name.contains("landfall");
    let fetches = Measure::new(
        format!("{name}: origin fetches"),
        "fetches",
        rounds.iter().map(|round| round.fetches as f64).collect(),
    );
    report.measures.push(if landfall { fetches.at_most(1.0) } else { fetches });
    let after_asking = |at: fn(&Got) -> Instant| -> Vec<Samples> {
        rounds.iter().map(|round| round.since(round.asked, round.got.iter().map(at))).collect()
    };
    for (what, samples) in [("first byte", after_asking(|got| got.first)), ("all bytes", after_asking(|got| got.last))]
    {
        let name = format!("{name}: {what}");
        let ms = |value: fn(&Summary) -> f64| samples.iter().map(|round| value(&round.summary()) / 1e3).collect();
        report.measures.push(Measure::new(format!("{name}, p50"), "ms", ms(|summary| summary.p50_us)));
        report.measures.push(Measure::new(format!("{name}, max"), "ms", ms(|summary| summary.max_us)));
        report.distribution(&name, &samples);
    }
    let lasted = |from: fn(&Round) -> Option<Instant>, to: fn(&Round) -> Option<Instant>| -> Vec<f64> {
        let each = |round: &Round| Some(to(round)?.saturating_duration_since(from(round)?).as_secs_f64() * 1e3);
        rounds.iter().filter_map(each).collect()
    };
    let all = lasted(|round| Some(round.ended), |round| round.got.iter().map(|got| got.last).max());
    report.measures.push(Measure::new(format!("{name}: origin's last byte → all bytes at all"), "ms", all));
    if rounds.iter().any(|round| round.ready.is_some()) {
        let told = lasted(|round| Some(round.ended), |round| round.ready);
        report.measures.push(Measure::new(format!("{name}: origin's last byte → all ready"), "ms", told).at_most(20.0));
        let told = lasted(|round| round.landed, |round| round.ready);
        report.measures.push(Measure::new(format!("{name}: landed → all ready"), "ms", told));
    }
}
