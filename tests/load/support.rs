//! Runs of `landfall-load` as a person starts them, and what they left.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

/// What everybody gave, over a machine that is busy with other tests: short, small, and patient with the generator.
const SMALL: &str = "--duration 3s --rate 15 --recordings 6 --length 20s --sockets 30 --patience 20s --think 100ms \
    --probes 0.3 --fresh 0.3 --max-lag 10s --quiet";

/// The program under test.
pub const LANDFALL: &str = env!("CARGO_BIN_EXE_landfall");

/// Exit status and report of a run.
pub struct Ran {
    pub status: ExitCode,
    pub report: Value,
    pub directory: tempfile::TempDir,
}

impl Ran {
    /// Of a violation, or of another member of `counts`.
    pub fn count(&self, group: &str, name: &str) -> u64 {
        self.report[group][name].as_u64().unwrap_or_else(|| panic!("{group} has no {name}: {}", self.report))
    }

    pub fn latencies(&self, kind: &str) -> u64 {
        self.report["latencies"][kind]["count"].as_u64().expect("a kind of latency")
    }

    /// That it passed; else all that was wrong.
    pub fn passed(self) -> Self {
        let told = [&self.report["reasons"], &self.report["errors"], &self.report["examples"]];
        assert_eq!(self.status, ExitCode::SUCCESS, "{told:?}");
        assert_eq!(self.report["verdict"], "pass");
        self
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// `landfall-load ARGUMENTS`.
pub fn command(arguments: &[&str]) -> ExitCode {
    let arguments = std::iter::once("landfall-load").chain(arguments.iter().copied());
    loadtest::load::main(arguments.map(Into::into))
}

/// `landfall-load run SCENARIO`, with the usual small load unless `more` says otherwise.
pub fn run(scenario: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["run", scenario];
    let said = |name: &str| more.contains(&name);
    for pair in SMALL.split_whitespace().collect::<Vec<_>>().chunks(2) {
        if !said(pair[0]) {
            arguments.extend(pair);
        }
    }
    arguments.extend(more);
    finish(arguments)
}

/// The same with a server of its own.
pub fn run_spawned(scenario: &str, more: &[&str]) -> Ran {
    run(scenario, &[&["--spawn", LANDFALL], more].concat())
}

/// Any command that writes a report.
pub fn finish(arguments: Vec<&str>) -> Ran {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("report.json");
    let written = path.display().to_string();
    let status = command(&[&arguments[..], &["--json", &written]].concat());
    let report = std::fs::read(&path).map_or(Value::Null, |text| serde_json::from_slice(&text).expect("JSON"));
    Ran { status, report, directory }
}
