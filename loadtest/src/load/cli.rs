//! The command line of `landfall-load`, and its exit status: 0 pass, 1 fail, 2 wrong usage, 3 invalid.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::Failure;
use super::compare::{compare, verdict};
use super::disturb::Fault;
use super::html::page;
use super::outcome;
use super::plan::{Aim, Load, Plan, Scenario, Telling};
use super::report::{Report, Verdict};
use super::soak::{self, Soak};
use super::units::human;
use crate::measure::process::raise_open_files;

/// Something was wrong with the server, or the test could not be done.
const FAILED: u8 = 1;
/// As clap has it.
const USAGE: u8 = 2;
/// The generator was saturated.
const INVALID: u8 = 3;
/// Files that a socket of each side and what is beside them may need.
const FILES: u64 = 1024;

/// Puts a Landfall server under load, and holds every answer against what it must be.
///
/// Aims at this machine only, unless told otherwise. Exit status: 0 pass, 1 fail, 2 wrong usage, 3 the generator was saturated.
#[derive(Parser)]
#[command(name = "landfall-load", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario
    Run(Box<Run>),
    /// A mixed day at half the server's capacity, and whether memory, files and entries are back where they began
    Soak(Box<Soak>),
    /// Two runs side by side, with ratios and whether a difference is more than chance
    Compare {
        /// The report (JSON) of the one run
        a: PathBuf,
        /// The report of the other
        b: PathBuf,
    },
    /// Make the HTML page of a report (JSON)
    Html {
        /// The report
        report: PathBuf,
        /// Where the page is written
        page: PathBuf,
    },
    /// Print the JSON schema of reports
    Schema,
}

#[derive(clap::Args)]
struct Run {
    /// What happens
    scenario: Scenario,
    #[command(flatten)]
    aim: Aim,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    telling: Telling,
    /// What befalls the spawned server: restart[@TIME], kill-worker[@TIME]; repeatable
    #[arg(long = "fault", value_name = "FAULT", value_parser = Fault::parse)]
    faults: Vec<Fault>,
}

/// Runs the command line, the program's name first, and tells its exit status.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Where neither stream can be written to, nobody reads it.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match carry_out(cli.command) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("landfall-load: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn carry_out(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Run(run) => {
            let Run { scenario, aim, load, telling, faults } = *run;
            let plan = Plan { scenario, aim, load, telling, faults };
            let telling = plan.telling.clone();
            let report = on_runtime(plan.load.sockets, outcome::run(plan))?;
            tell(&report, &telling)
        }
        Command::Soak(options) => {
            let telling = options.telling.clone();
            let report = on_runtime(0, soak::run(*options))?;
            tell(&report, &telling)
        }
        Command::Compare { a, b } => {
            print!("{}", compare(&Report::read(&a)?, &Report::read(&b)?));
            Ok(0)
        }
        Command::Html { report, page: path } => {
            std::fs::write(path, page(&Report::read(&report)?))?;
            Ok(0)
        }
        Command::Schema => {
            print!("{}", include_str!("../../report.schema.json"));
            Ok(0)
        }
    }
}

/// Runs it on a runtime with a thread for each core.
fn on_runtime<T>(sockets: usize, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    // Two for each socket where server and simulator are children, and as many again for requests.
    if let Err(error) = raise_open_files(FILES + 4 * sockets as u64) {
        eprintln!("warning: {error}");
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Prints the findings, writes what was asked for, and tells the exit status.
fn tell(report: &Report, telling: &Telling) -> Result<u8, Failure> {
    if let Some(path) = &telling.json {
        report.write(path)?;
    }
    if let Some(path) = &telling.html {
        std::fs::write(path, page(report)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!("{}: {} in {:.1} s", report.scenario, verdict(report), report.took_s);
    for (kind, latencies) in report.latencies.iter().filter(|(_, latencies)| latencies.count > 0) {
        let [p50, p90, p99, max] = [latencies.p50_ms, latencies.p90_ms, latencies.p99_ms, latencies.max_ms].map(human);
        println!("  {kind:10} {:>8} · p50 {p50} · p90 {p90} · p99 {p99} · max {max}", latencies.count);
    }
    let counts: Vec<String> = report.counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("  {}", counts.join(" · "));
    for (error, count) in &report.errors {
        println!("  {count} × {error}");
    }
    for judged in &report.thresholds {
        println!("  {} {}", if judged.passed { "holds:" } else { "fails:" }, judged.threshold);
    }
    for line in report.reasons.iter().chain(&report.examples) {
        println!("  ! {line}");
    }
    Ok(match report.verdict {
        Verdict::Pass => 0,
        Verdict::Fail => FAILED,
        Verdict::Invalid => INVALID,
    })
}
