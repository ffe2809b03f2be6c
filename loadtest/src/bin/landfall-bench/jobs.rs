//! What a job costs Redis when few and when many are queued: each script's time by Redis' own log.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use loadtest::client::Http;
use loadtest::measure::{Measure, Report, Samples, clock};
use loadtest::redis::Redis;
use loadtest::server::Server;
use loadtest::speech::Speech;
use serde_json::{Value, json};

use super::bench::Bench;
use super::calls;
use super::deployment::{Deployment, said};
use super::provider::Provider;

/// Jobs whose cost is measured, few of them queued at a time or while many are.
const MEASURED: usize = 1_000;
/// Each takes minutes.
const MOST_ROUNDS: usize = 3;
/// A job that is not done by then will not be.
const PATIENCE: Duration = Duration::from_secs(60);
/// Length of the recordings: 4 KB.
const SECONDS: f64 = 1.0;
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
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(2000..=90_000))]
    many: u32,
}

/// What was found of each step: with few queued, and with many.
type Found = [HashMap<&'static str, Samples>; 2];

pub(crate) fn run(bench: &Bench, options: &Jobs, home: &Path) -> Result<Report, Box<dyn Error>> {
    let rounds: Vec<Found> = (0..bench.rounds().min(MOST_ROUNDS))
        .map(|round| measure(bench, options, &home.join(round.to_string())))
        .collect::<Result<_, _>>()?;
    let mut report = Report::new("jobs", json!({"few": options.few, "many": options.many}));
    for (step, _) in STEPS {
        let p50 = |found: &HashMap<&str, Samples>| found.get(step).map_or(0.0, |samples| samples.summary().p50_us);
        let few: Vec<f64> = rounds.iter().map(|[few, _]| p50(few)).collect();
        let many: Vec<f64> = rounds.iter().map(|[_, many]| p50(many)).collect();
        let ratios = many.iter().zip(&few).map(|(many, few)| many / few).collect();
        report.measures.extend([
            Measure::new(format!("{step} with {} queued, p50", options.few), "µs", few),
            Measure::new(format!("{step} with {} queued, p50", options.many), "µs", many),
            Measure::new(format!("{step}: ratio"), "", ratios).at_most(1.25),
        ]);
    }
    report.remarks.push(format!(
        "time of each script within Redis, in whole microseconds, by its own log (SLOWLOG); the worker fetches {} at once in either case",
        options.few
    ));
    Ok(report)
}

fn measure(bench: &Bench, options: &Jobs, home: &Path) -> Result<Found, Box<dyn Error>> {
    std::fs::create_dir_all(home)?;
    let provider = Provider::start()?;
    let deployment = Deployment::start(bench.server()?, home)?;
    let server = deployment.server(&provider, "server")?;
    let log = Log::of(&deployment.redis)?;

    // Few: they come and are done, again and again.
    let few = options.few as usize;
    let sids = known(&provider, &server, 1, MEASURED.div_ceil(few) * few)?;
    let worker = deployment.worker(&provider, options.few)?;
    log.begin()?;
    for sids in sids.chunks(few) {
        enqueue(&server, sids)?;
        until_landed(&deployment.volume(), sids)?;
    }
    let with_few = log.end()?;
    drop(worker);

    // Many: the last to come and the first to be done have all the others beside them.
    let sids = known(&provider, &server, 2, options.many as usize)?;
    let (rest, last) = sids.split_at(sids.len() - MEASURED);
    enqueue(&server, rest)?;
    log.begin()?;
    enqueue(&server, last)?;
    let mut with_many = log.end()?;
    with_many.retain(|step, _| *step == "enqueue");
    let worker = deployment.worker(&provider, options.few)?;
    log.begin()?;
    // A tenant's jobs are done in their order.
    until_landed(&deployment.volume(), &rest[..MEASURED])?;
    let done = log.end()?;
    drop(worker);
    with_many.extend(done.into_iter().filter(|(step, _)| *step != "enqueue"));
    Ok([with_few, with_many])
}

/// Calls that the server knows, and recordings that the provider gives at once.
fn known(provider: &Provider, server: &Server, seed: u64, count: usize) -> io::Result<Vec<String>> {
    let sids = calls::sids(seed, count);
    let recordings = provider.hold(&sids, &Speech::shipped().call(0, SECONDS));
    recordings.iter().for_each(|recording| provider.release(recording));
    let named: Vec<_> = sids.iter().cloned().zip(recordings.into_iter().map(Some)).collect();
    server.register(&named)?;
    Ok(sids)
}

fn enqueue(server: &Server, sids: &[String]) -> io::Result<()> {
    let mut http = Http::connect(server.address(), Some(&server.token("agent")))?;
    for sid in sids {
        http.send("POST", &format!("/api/recordings/{sid}/prepare"), "", b"")?;
    }
    Ok(())
}

fn until_landed(volume: &Path, sids: &[String]) -> io::Result<()> {
    let late = clock::now() + PATIENCE;
    for sid in sids {
        while !volume.join(format!("{sid}.mp3")).exists() {
            if clock::now() > late {
                return Err(io::Error::other(format!("{sid} does not land")));
            }
            clock::pause(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// What Redis notes of every command.
struct Log<'a> {
    redis: &'a Redis,
    /// The scripts by the names that Redis gives them.
    steps: HashMap<String, &'static str>,
}

impl<'a> Log<'a> {
    fn of(redis: &'a Redis) -> io::Result<Self> {
        let mut steps = HashMap::new();
        for (step, script) in STEPS {
            steps.insert(load(redis, script)?, step);
        }
        redis.say("CONFIG SET slowlog-max-len 200000")?;
        redis.say("CONFIG SET slowlog-log-slower-than 0")?;
        Ok(Self { redis, steps })
    }

    fn begin(&self) -> io::Result<()> {
        self.redis.say("SLOWLOG RESET").map(drop)
    }

    fn end(&self) -> io::Result<HashMap<&'static str, Samples>> {
        let noted = said(cli(self.redis).args(["--json", "SLOWLOG", "GET", "-1"]))?;
        let noted: Vec<Value> = serde_json::from_str(&noted)?;
        let mut found: HashMap<&'static str, Samples> = HashMap::new();
        for entry in &noted {
            let name = entry[3][1].as_str().and_then(|name| self.steps.get(name));
            if let (Some(step), Some(us)) = (name, entry[2].as_u64()) {
                found.entry(step).or_default().push(Duration::from_micros(us));
            }
        }
        Ok(found)
    }
}

fn cli(redis: &Redis) -> Command {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &redis.port().to_string()]);
    command
}

/// The name that Redis gives a script.
fn load(redis: &Redis, script: &str) -> io::Result<String> {
    let mut command = cli(redis);
    let mut child = command.args(["-x", "SCRIPT", "LOAD"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().trim_matches('"').to_owned())
}
