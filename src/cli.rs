//! The command line: what can be said, and how it ends. Each command has a file of its own.

mod demo;
mod doctor;
mod health;
mod import;
mod logging;
mod prune;
mod serve;
mod server;
mod signal;
mod token;
mod worker;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

/// What was asked for could not be done.
const FAILED: u8 = 1;
/// The configuration is invalid (`EX_CONFIG` of sysexits.h). 2, wrong usage, is clap's.
const BAD_CONFIG: u8 = 78;

const AFTER_HELP: &str = "\
Configuration: landfall.toml in the working directory or --config FILE, and above it variables
like LANDFALL_AUTH__JWT_SECRET; docs/configuration.md lists all keys.
Exit status: 0 fine, 1 failed, 2 wrong usage, 78 invalid configuration.";

/// Serves call recordings, and tells every listener the moment one has landed.
#[derive(Parser)]
#[command(name = "landfall", version, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    /// Read this file instead of landfall.toml in the working directory
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: API, WebSocket and media, with a download worker inside unless redis_url is set
    Serve,
    /// Run a download worker: takes jobs from Redis (needs redis_url)
    Worker,
    /// Try it: server, simulated provider and calls that keep coming, in one process
    Demo,
    /// Ask this machine's server whether it is ready: for health checks
    Health,
    Doctor(doctor::Doctor),
    Prune(prune::Prune),
    Token(token::Token),
    Signal(signal::Signal),
    Import(import::Import),
}

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    if let Command::Demo = command {
        return demo::run();
    }
    let config = match Config::load(config.as_deref()) {
        Ok(config) => config,
        Err(faults) => {
            match command {
                Command::Doctor(doctor) => doctor.refused(&faults),
                _ => complain(&faults),
            }
            return ExitCode::from(BAD_CONFIG);
        }
    };
    match command {
        Command::Demo => demo::run(),
        Command::Serve => serve::run(config),
        Command::Worker => worker::run(config),
        Command::Health => health::run(&config),
        Command::Doctor(doctor) => doctor.run(&config),
        Command::Prune(prune) => prune.run(&config),
        Command::Token(token) => token.run(&config),
        Command::Signal(signal) => signal.run(&config),
        Command::Import(import) => import.run(&config),
    }
}

/// Says something on standard output. A reader who has gone needs no panic.
fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Says something on standard error.
fn complain(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says why it failed.
fn failed(why: impl Display) -> ExitCode {
    complain(why);
    ExitCode::from(FAILED)
}

/// Runs a short command to its end, on this thread.
fn block_on(command: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(error),
    };
    match runtime.block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why),
    }
}
