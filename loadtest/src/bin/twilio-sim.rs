//! `twilio-sim`: the simulator as a program of its own, and the maker of phrase packs.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use loadtest::speech::{BuildOptions, build_pack};

/// Plays Twilio's Recordings API with real telephone speech, and whatever goes wrong there.
#[derive(Parser)]
#[command(name = "twilio-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a pack of phrases from directories of WAV files (needs the `lame` program)
    Pack(Pack),
}

#[derive(clap::Args)]
struct Pack {
    /// Searched recursively for mono 16-bit 8 kHz WAV: what agents say, on the left
    #[arg(long, value_name = "DIR")]
    agent: PathBuf,
    /// The same for customers, on the right
    #[arg(long, value_name = "DIR")]
    customer: PathBuf,
    /// Where to write the pack
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A file with one name per line: take only these
    #[arg(long, value_name = "FILE")]
    only: Option<PathBuf>,
    /// Leave out what is shorter
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5)]
    min_seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    match Cli::parse().command {
        Command::Pack(options) => pack(options),
    }
}

fn pack(options: Pack) -> Result<(), Box<dyn Error>> {
    let only: BTreeSet<String> = match &options.only {
        Some(file) => std::fs::read_to_string(file)?
            .lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect(),
        None => BTreeSet::new(),
    };
    let Pack {
        agent,
        customer,
        out,
        min_seconds,
        ..
    } = options;
    let (pack, report) = build_pack(&BuildOptions {
        agent,
        customer,
        only,
        min_seconds,
    })?;
    std::fs::write(&out, pack)?;
    println!(
        "{}: {} phrases of the agent ({:.0} s), {} of the customer ({:.0} s), {} bytes",
        out.display(),
        report.phrases[0],
        report.seconds[0],
        report.phrases[1],
        report.seconds[1],
        report.bytes
    );
    Ok(())
}
