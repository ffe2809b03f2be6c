//! What a run does, as the command line says it; plain data.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::Failure;
use super::arrivals::Pattern;
use super::disturb::{Fault, Kind};
use super::thresholds::Threshold;
use super::units::duration;

/// What happens in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Scenario {
    /// Sockets that come, watch a recording and stay; at the end they all hear of one landing
    IdleSockets,
    /// People who listen: connect, wait for ready, metadata, bytes=0-, seeks, leave
    Listeners,
    /// Everybody plays one recording that is not there yet, round after round
    Herd,
    /// All sockets are lost at once and come back at once, while a recording lands
    ReconnectStorm,
    /// Jumps into recordings, as fast as they come
    SeekingStorm,
    /// Readers that take their time, beside others that must not notice
    SlowReaders,
    /// An office's day: all of it, along the day's curve
    MixedDay,
}

impl Scenario {
    /// Its name on the command line and in reports.
    pub(super) fn name(self) -> String {
        use clap::ValueEnum as _;
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Where the server is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Aim {
    /// Start this program `landfall` with a simulated provider, a directory of its own and lifted limits, and stop it afterwards
    #[arg(long, value_name = "PROGRAM", conflicts_with = "url", required_unless_present = "url")]
    pub(super) spawn: Option<PathBuf>,
    /// Worker processes beside the spawned server, through a Redis of their own; 0: the worker inside of it
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "spawn")]
    pub(super) workers: usize,
    /// A server that runs already, e.g. http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// The secret that signs tokens there (HS256): users of two tenants are made up
    #[arg(long, value_name = "SECRET", env = "LANDFALL_LOAD_SECRET", hide_env_values = true, conflicts_with = "token")]
    pub(super) secret: Option<String>,
    /// A token of one user, where there is no secret to be had
    #[arg(long, value_name = "JWT", env = "LANDFALL_LOAD_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// A token of another tenant, to try for leaks with
    #[arg(long, value_name = "JWT", env = "LANDFALL_LOAD_FOREIGN_TOKEN", hide_env_values = true, requires = "token")]
    pub(super) foreign_token: Option<String>,
    /// The simulator that is the server's provider (twilio-sim), e.g. http://127.0.0.1:9080: needed for whatever lands meanwhile
    #[arg(long, value_name = "URL", requires = "secret")]
    pub(super) simulator: Option<String>,
    /// The server's volume, if it is on this machine: tells when a recording has landed
    #[arg(long, value_name = "DIR")]
    pub(super) volume: Option<PathBuf>,
    /// Aim at a machine other than this one. Only at servers that are yours
    #[arg(long)]
    pub(super) allow_remote: bool,
}

/// How much of it.
#[derive(Clone, Debug, Serialize, clap::Args)]
pub(super) struct Load {
    /// How long new arrivals come
    #[arg(long, default_value = "30s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(super) duration: Duration,
    /// Arrivals a second; the highest of a ramp or a day
    #[arg(long, default_value_t = 20.0, value_name = "A SECOND")]
    pub(super) rate: f64,
    /// How they are spread [default: poisson; mixed-day: day]
    #[arg(long, value_enum)]
    #[serde(skip)]
    pub(super) arrivals: Option<Pattern>,
    /// Sockets of idle-sockets (at most), herd and reconnect-storm; readers of slow-readers
    #[arg(long, default_value_t = 500, value_name = "COUNT")]
    pub(super) sockets: usize,
    /// Recordings that have landed before it begins
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub(super) recordings: usize,
    /// Their length (4,000 bytes a second)
    #[arg(long, default_value = "60s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(super) length: Duration,
    /// Exponent of their popularity; 0: all alike
    #[arg(long, default_value_t = 1.0, value_name = "EXPONENT")]
    pub(super) zipf: f64,
    /// Share of listeners whose recording has not landed yet
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub(super) fresh: f64,
    /// Jumps of a listener
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    pub(super) seeks: u32,
    /// Listening between two jumps, on average
    #[arg(long, default_value = "500ms", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(super) think: Duration,
    /// Bytes a second of a slow reader
    #[arg(long, default_value_t = 16_384, value_name = "BYTES")]
    pub(super) slow_rate: u32,
    /// Share of sessions that also try for another tenant's recording
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    pub(super) probes: f64,
    /// A wait that takes longer has failed
    #[arg(long, default_value = "30s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(super) patience: Duration,
    /// Makes arrivals and choices repeat
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(super) seed: u64,
    /// The generator is saturated when one in a hundred of its beats is later than this
    #[arg(long, default_value = "25ms", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(super) max_lag: Duration,
    /// Sessions at once; an arrival beyond is dropped, and the run invalid
    #[arg(long, default_value_t = 20_000, value_name = "COUNT")]
    pub(super) max_in_flight: usize,
}

/// What is to be said of it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Telling {
    /// What must hold, e.g. 'ready.p99<10ms', 'errors<1', 'rate>100'; repeatable
    #[arg(long = "assert", value_name = "THRESHOLD", value_parser = Threshold::parse)]
    pub(super) thresholds: Vec<Threshold>,
    /// Share of sessions that may fail
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub(super) max_errors: f64,
    /// Write the report as JSON here
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write the report as one HTML page here
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// What the run is called in reports and comparisons
    #[arg(long, default_value = "")]
    pub(super) label: String,
    /// No live progress
    #[arg(long)]
    pub(super) quiet: bool,
}

/// A whole run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) scenario: Scenario,
    pub(super) aim: Aim,
    pub(super) load: Load,
    pub(super) telling: Telling,
    pub(super) faults: Vec<Fault>,
}

impl Plan {
    /// Whether its faults can befall anything: told before a server is started, not when their time comes.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.aim.spawn.is_none() && !self.faults.is_empty() {
            return Err("--fault needs --spawn: faults come only upon a server that was started for the test".into());
        }
        if self.aim.workers == 0 && self.faults.iter().any(|fault| fault.kind == Kind::KillWorker) {
            return Err(
                "--fault kill-worker needs --workers: the worker inside of the server has no process of its own".into(),
            );
        }
        Ok(())
    }

    /// How arrivals are spread.
    pub(super) fn pattern(&self) -> Pattern {
        let usual = if self.scenario == Scenario::MixedDay { Pattern::Day } else { Pattern::Poisson };
        self.load.arrivals.unwrap_or(usual)
    }
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        aim: Aim,
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        telling: Telling,
    }

    /// What is wrong with a plan of these arguments and this fault.
    fn wrong(arguments: &[&str], fault: &str) -> Option<String> {
        let Line { aim, load, telling } = Line::parse_from([&["landfall-load"], arguments].concat());
        let faults = vec![Fault::parse(fault).unwrap()];
        let plan = Plan { scenario: Scenario::MixedDay, aim, load, telling, faults };
        plan.check().err().map(|failure| failure.to_string())
    }

    #[test]
    fn a_fault_that_can_befall_nothing_is_refused_with_what_it_needs() {
        let running = wrong(&["--url", "http://127.0.0.1:1"], "restart").unwrap();
        assert!(running.contains("needs --spawn"), "{running}");
        let inside = wrong(&["--spawn", "landfall"], "kill-worker@1m").unwrap();
        assert!(inside.contains("needs --workers"), "{inside}");
        assert_eq!(wrong(&["--spawn", "landfall"], "restart"), None);
        assert_eq!(wrong(&["--spawn", "landfall", "--workers", "1"], "kill-worker"), None);
    }
}
