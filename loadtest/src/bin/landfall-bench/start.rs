//! Does it matter how much there is? Time to be ready, and the cost of requests, with few and with many recordings, in turns.

use std::error::Error;

use loadtest::measure::{Measure, Report, Samples, process};
use serde_json::json;

use super::bench::{Bench, CLIENT_CORE, SERVER_CORE};
use super::costs::{self, Kind};
use super::prepared::Prepared;

/// Recordings that are asked for again and again, in either case: what is compared is how many lie beside them.
const WORKING_SET: usize = 100;

#[derive(clap::Args)]
pub(crate) struct Start {
    /// Recordings of the large volume; the small one has 100
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    recordings: u32,
    /// Requests of each kind in a round
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    requests: u32,
}

#[derive(clap::Args)]
pub(crate) struct Growth {
    /// Recordings of the large volume; the small one has 1,000
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10_000..=10_000_000))]
    recordings: u32,
    /// Requests of each kind in a round
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    requests: u32,
}

/// What is compared, and what is good.
struct Plan {
    name: &'static str,
    few: usize,
    many: usize,
    requests: usize,
    ready_ms: f64,
    ratio: f64,
}

pub(crate) fn start(bench: &Bench, options: &Start) -> Result<Report, Box<dyn Error>> {
    let many = options.recordings as usize;
    let requests = options.requests as usize;
    // What two equal servers may differ by on a machine that also runs the client.
    compare(bench, &Plan { name: "start", few: WORKING_SET, many, requests, ready_ms: 150.0, ratio: 1.25 })
}

pub(crate) fn growth(bench: &Bench, options: &Growth) -> Result<Report, Box<dyn Error>> {
    let many = options.recordings as usize;
    let requests = options.requests as usize;
    compare(bench, &Plan { name: "growth", few: 1_000, many, requests, ready_ms: 300.0, ratio: 1.2 })
}

/// What was found of one volume, round by round.
#[derive(Default)]
struct Found {
    ready_ms: Vec<f64>,
    first: Vec<Samples>,
    latency: [Vec<Samples>; Kind::ALL.len()],
    cpu_us: [Vec<f64>; Kind::ALL.len()],
}

fn compare(bench: &Bench, plan: &Plan) -> Result<Report, Box<dyn Error>> {
    let volumes = [Prepared::of(bench, plan.few)?, Prepared::of(bench, plan.many)?];
    let mut found = [Found::default(), Found::default()];
    for round in 0..=bench.rounds() {
        for (prepared, found) in volumes.iter().zip(&mut found) {
            let server = prepared.serve(bench)?;
            let first = costs::measure(&server, Kind::File, &prepared.some(WORKING_SET, round), WORKING_SET)?;
            // The first start warms the page cache up.
            if round > 0 {
                found.ready_ms.push(server.startup().as_secs_f64() * 1e3);
                found.first.push(first.latency);
            }
            server.stop()?;
        }
    }
    let servers = [volumes[0].serve_on_its_core(bench)?, volumes[1].serve_on_its_core(bench)?];
    // Wherever it pleased the kernel, client and server would share a core in one turn and wake each other's in the next.
    process::on_core(CLIENT_CORE, || {
        for round in 0..=bench.rounds() {
            for (at, kind) in Kind::ALL.into_iter().enumerate() {
                for turn in 0..servers.len() {
                    let turn = (turn + round) % servers.len();
                    let sids = volumes[turn].some(WORKING_SET, 0);
                    let cost = costs::measure(&servers[turn], kind, &sids, plan.requests)?;
                    if round > 0 {
                        found[turn].latency[at].push(cost.latency);
                        found[turn].cpu_us[at].push(cost.cpu_us);
                    }
                }
            }
        }
        Ok(())
    })?;
    for server in servers {
        server.stop()?;
    }

    let [few, many] = &found;
    let Plan { few: beside, many: count, .. } = plan;
    let mut report = Report::new(plan.name, json!({"few": beside, "recordings": count, "requests": plan.requests}));
    report.measures.extend([
        Measure::new(format!("exec → ready, {count} recordings"), "ms", many.ready_ms.clone()).at_most(plan.ready_ms),
        Measure::new(format!("exec → ready, {beside} recordings"), "ms", few.ready_ms.clone()),
        Measure::of_rounds(format!("first file of each, {count}: p50"), &many.first, |summary| summary.p50_us),
        Measure::of_rounds(format!("first file of each, {beside}: p50"), &few.first, |summary| summary.p50_us),
    ]);
    for (at, kind) in Kind::ALL.into_iter().enumerate() {
        let name = kind.name();
        let p50 = |found: &Found| found.latency[at].iter().map(|round| round.summary().p50_us).collect::<Vec<_>>();
        let (many_p50, few_p50) = (p50(many), p50(few));
        report.measures.extend([
            Measure::new(format!("{name}: p50, {count} / {beside}"), "×", ratio(&many_p50, &few_p50))
                .at_most(plan.ratio),
            Measure::new(format!("{name}: CPU, {count} / {beside}"), "×", ratio(&many.cpu_us[at], &few.cpu_us[at]))
                .at_most(plan.ratio),
            Measure::new(format!("{name}: p50, {count}"), "µs", many_p50),
            Measure::new(format!("{name}: CPU, {count}"), "µs", many.cpu_us[at].clone()),
        ]);
        report.distribution(&format!("{name}, {count}"), &many.latency[at]);
        report.distribution(&format!("{name}, {beside}"), &few.latency[at]);
    }
    report.remarks.push(format!(
        "requests one after the other over one connection, about {WORKING_SET} recordings in turn, servers on core {SERVER_CORE}, client on core {CLIENT_CORE}; file: 8 KB whole, list: 50 items, \
         subscribe: CPU with the unsubscribe; ready: polled every millisecond"
    ));
    Ok(report)
}

fn ratio(many: &[f64], few: &[f64]) -> Vec<f64> {
    many.iter().zip(few).map(|(many, few)| many / few).collect()
}
