//! A soak: a mixed day at half the capacity, for as long as one likes, with faults, and whether everything is back afterwards.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Failure;
use super::context::Context;
use super::disturb::Fault;
use super::outcome::run_in;
use super::plan::{Aim, Load, Plan, Scenario, Telling};
use super::report::{Report, Verdict};
use super::server_metrics::ServerMetrics;
use super::thresholds::Judged;
use super::units::duration;

/// The first rate that is tried for the capacity; each next is twice as high.
const FIRST_RATE: f64 = 10.0;
/// The highest rate that is tried.
const LAST_RATE: f64 = 5120.0;
/// How long each is tried.
const TRIAL: Duration = Duration::from_secs(8);
/// What the server may take to be quiet again: it keeps recordings open for a minute after their last use.
const QUIET: Duration = Duration::from_secs(120);
/// Memory that may stay: allocators keep some, and tables do not shrink. A share of the start, and bytes.
const MEMORY_MAY_GROW: (f64, f64) = (0.25, 32.0 * 1024.0 * 1024.0);
/// Files that may stay open: connections that are kept.
const FILES_MAY_STAY: f64 = 80.0;

#[derive(clap::Args)]
pub(super) struct Soak {
    #[command(flatten)]
    aim: Aim,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    pub(super) telling: Telling,
    /// The capacity in arrivals a second, of which half is used [default: it is looked for first]
    #[arg(long, value_name = "A SECOND")]
    capacity: Option<f64>,
    /// The server is at its capacity when the p99 of the first byte is above this
    #[arg(long, default_value = "100ms", value_parser = duration)]
    limit: Duration,
    /// What befalls the spawned server: restart[@TIME], kill-worker[@TIME]; repeatable
    #[arg(long = "fault", value_name = "FAULT", value_parser = Fault::parse)]
    faults: Vec<Fault>,
}

/// Finds the capacity, warms up, and soaks.
pub(super) async fn run(options: Soak) -> Result<Report, Failure> {
    let Soak { aim, load, telling, capacity, limit, faults } = options;
    let plan = Plan { scenario: Scenario::MixedDay, aim, load, telling, faults };
    plan.check()?;
    let capacity = match capacity {
        Some(capacity) => capacity,
        None => find_capacity(&plan, limit).await?,
    };
    eprintln!("capacity: {capacity} arrivals a second; half of it is used");
    let rate = capacity / 2.0;
    let plan = Plan { load: Load { rate, ..plan.load.clone() }, ..plan };
    let context = Context::prepare(plan).await?;
    let soaked = soak(&context).await;
    let finished = context.finish().await;
    let report = soaked?;
    finished?;
    Ok(report)
}

async fn soak(context: &Arc<Context>) -> Result<Report, Failure> {
    let mut report = run_in(context).await?;
    // The start is a second into the run at its quietest: before any arrival, caches and pools are empty, and would count as leaks.
    let start = report.series.iter().filter_map(|second| second.server).next().or(report.server_before);
    let Some(start) = start else { return Err("a soak needs the server's /metrics".into()) };
    let end = quiet(context, &start).await.ok_or("the server does not tell its metrics any more")?;
    report.server_after = Some(end);
    let (share, bytes) = MEMORY_MAY_GROW;
    let checks = [
        ("memory back to the start", end.resident_bytes - start.resident_bytes, start.resident_bytes * share + bytes),
        ("files back to the start", end.open_files - start.open_files, FILES_MAY_STAY),
        ("sockets back to none", end.sockets, 0.0),
        ("entries of the wait map back to none", end.subscriptions, 0.0),
        ("waiters back to none", end.waiters, 0.0),
    ];
    for (what, value, bound) in checks {
        let passed = value <= bound;
        report.thresholds.push(Judged {
            threshold: format!("{what} (at most {bound:.0} more)"),
            value: Some(value),
            passed,
        });
    }
    super::outcome::conclude(&mut report, context.plan.telling.max_errors);
    Ok(report)
}

/// Waits until nobody listens any more, or for two minutes; the last look.
async fn quiet(context: &Context, start: &ServerMetrics) -> Option<ServerMetrics> {
    let late = Instant::now() + QUIET;
    loop {
        let seen = ServerMetrics::look(context).await;
        let gone = seen.is_some_and(|seen| seen.sockets + seen.subscriptions + seen.waiters == 0.0);
        let shut = seen.is_some_and(|seen| seen.open_files <= start.open_files + FILES_MAY_STAY);
        if (gone && shut) || Instant::now() > late {
            return seen;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Doubles the rate until the server is late or the generator is; the last rate that was neither.
async fn find_capacity(plan: &Plan, limit: Duration) -> Result<f64, Failure> {
    let (mut rate, mut good) = (FIRST_RATE, None);
    while rate <= LAST_RATE {
        let mut trial = plan.clone();
        trial.load = Load { rate, duration: TRIAL, arrivals: Some(super::arrivals::Pattern::Poisson), ..trial.load };
        trial.faults.clear();
        trial.telling.thresholds.clear();
        let report = super::outcome::run(trial).await?;
        let late = report.latencies["first_byte"].p99_ms > super::units::ms(limit);
        if report.verdict != Verdict::Pass || late {
            break;
        }
        good = Some(rate);
        rate *= 2.0;
    }
    good.ok_or_else(|| format!("not even {FIRST_RATE} arrivals a second can be served, or made").into())
}
