//! What a job costs Redis when few and when many are queued: CPU time of Redis for each of the queue's own scripts, and nothing
//! beside it that wants its cores.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use loadtest::measure::{Measure, Report, process};
use loadtest::redis::Redis;
use serde_json::{Value, json};

use super::bench::Bench;
use super::calls;

/// Jobs whose cost is measured in a round, few of them queued at a time or while many are.
const MEASURED: usize = 1_000;
/// Whose jobs they are, in turns.
const TENANTS: usize = 20;
/// More than are ever in hand, queued or dead here: no bound is reached.
const PLENTY: u32 = 1_000_000;
const LEASE_MS: u32 = 60_000;
/// What a job meets on its way.
const STEPS: [(&str, &str); 3] = [
    (
        "enqueue",
        concat!(
            include_str!("../../../../src/jobs/redis/lib.lua"),
            include_str!("../../../../src/jobs/redis/ensure.lua")
        ),
    ),
    (
        "claim",
        concat!(
            include_str!("../../../../src/jobs/redis/lib.lua"),
            include_str!("../../../../src/jobs/redis/claim.lua")
        ),
    ),
    (
        "finish",
        concat!(
            include_str!("../../../../src/jobs/redis/lib.lua"),
            include_str!("../../../../src/jobs/redis/finish.lua")
        ),
    ),
];

#[derive(clap::Args)]
pub(crate) struct Jobs {
    /// Few
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    few: u32,
    /// Many
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(2000..=1_000_000))]
    many: u32,
}

pub(crate) fn run(bench: &Bench, options: &Jobs) -> Result<Report, Box<dyn Error>> {
    let few = options.few as usize;
    // Per step, for few and for many: microseconds of each round.
    let mut found: [[Vec<f64>; 2]; STEPS.len()] = Default::default();
    for round in 0..=bench.rounds() {
        let queue = Queue::start()?;
        let mut sids =
            calls::sids(round as u64, 2 * MEASURED.next_multiple_of(few) + options.many as usize).into_iter();
        for at in 0..2 {
            if at == 1 {
                queue.enqueue(&sids.by_ref().take(options.many as usize).collect::<Vec<_>>())?;
            }
            let mut cost = [0.0; STEPS.len()];
            for _ in 0..MEASURED.div_ceil(few) {
                let sids: Vec<String> = sids.by_ref().take(few).collect();
                cost[0] += queue.enqueue(&sids)?;
                let (held, claiming) = queue.claim(few)?;
                cost[1] += claiming;
                cost[2] += queue.finish(&held)?;
            }
            // The first round warms up.
            if round > 0 {
                let count = MEASURED.next_multiple_of(few) as f64;
                found.iter_mut().zip(cost).for_each(|(step, us)| step[at].push(us / count));
            }
        }
    }
    let mut report = Report::new("jobs", json!({"few": options.few, "many": options.many}));
    for ((step, _), [few, many]) in STEPS.into_iter().zip(found) {
        let ratios = many.iter().zip(&few).map(|(many, few)| many / few).collect();
        report.measures.extend([
            Measure::new(format!("{step} with {} queued: CPU", options.few), "µs", few),
            Measure::new(format!("{step} with {} queued: CPU", options.many), "µs", many),
            Measure::new(format!("{step}: ratio"), "", ratios).at_most(1.25),
        ]);
    }
    report.remarks.push(format!(
        "CPU time of Redis for each call, its network part included; jobs of {TENANTS} tenants, {} in hand at a time",
        options.few
    ));
    Ok(report)
}

/// A Redis with the queue's scripts.
struct Queue {
    redis: Redis,
    /// The names that Redis gives them, in the order of [`STEPS`].
    names: [String; STEPS.len()],
}

/// A job in hand.
struct Held {
    sid: String,
    token: String,
}

impl Queue {
    fn start() -> io::Result<Self> {
        let redis = Redis::start()?;
        let mut names: [String; STEPS.len()] = Default::default();
        for (name, (_, script)) in names.iter_mut().zip(STEPS) {
            *name = cli(&redis, &["-x", "SCRIPT", "LOAD"], script)?.trim().trim_matches('"').to_owned();
        }
        Ok(Self { redis, names })
    }

    /// Microseconds of Redis' CPU.
    fn enqueue(&self, sids: &[String]) -> io::Result<f64> {
        let calls = sids.iter().enumerate().map(|(at, sid)| format!("{sid} tenant-{} 1 {PLENTY} 0", at % TENANTS));
        self.call(0, calls).map(|(_, us)| us)
    }

    fn claim(&self, count: usize) -> io::Result<(Vec<Held>, f64)> {
        // Those of before are finished, and their tokens with them.
        let (answers, us) = self.call(1, (0..count).map(|at| format!("token-{at} {PLENTY} {LEASE_MS}")))?;
        let held = answers.iter().enumerate().map(|(at, answer)| match &answer[1] {
            Value::String(sid) => Ok(Held { sid: sid.clone(), token: format!("token-{at}") }),
            _ => Err(io::Error::other(format!("a claim was answered by {answer}"))),
        });
        Ok((held.collect::<io::Result<_>>()?, us))
    }

    fn finish(&self, held: &[Held]) -> io::Result<f64> {
        let (answers, us) =
            self.call(2, held.iter().map(|Held { sid, token }| format!("{sid} {token} '' {PLENTY}")))?;
        if answers.iter().any(|answer| *answer != 1) {
            return Err(io::Error::other("a job was not held by whoever had claimed it"));
        }
        Ok(us)
    }

    /// One call after the other over one connection; the answers, and microseconds of Redis' CPU.
    fn call(&self, step: usize, arguments: impl Iterator<Item = String>) -> io::Result<(Vec<Value>, f64)> {
        let mut lines = String::new();
        for arguments in arguments {
            let _ = writeln!(lines, "EVALSHA {} 1 bench: channel {arguments}", self.names[step]);
        }
        let before = process::cpu_time(self.redis.pid())?;
        let answers = cli(&self.redis, &["--json"], &lines)?;
        let us = (process::cpu_time(self.redis.pid())? - before).as_secs_f64() * 1e6;
        Ok((answers.lines().map(serde_json::from_str).collect::<Result<_, _>>()?, us))
    }
}

/// What `redis-cli` prints when it is told that.
fn cli(redis: &Redis, arguments: &[&str], input: &str) -> io::Result<String> {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &redis.port().to_string()]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    // It prints before it has read all: whoever writes must not wait for it.
    let input = input.to_owned();
    let stdin = child.stdin.take();
    let writer = std::thread::spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output()?;
    writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    String::from_utf8(output.stdout).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
