//! `twilio-sim pack`: reads the arguments, writes the file.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;

use loadtest::speech::{BuildOptions, build_pack};

#[derive(clap::Args)]
pub(crate) struct Pack {
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

pub(crate) fn run(options: Pack) -> Result<(), Box<dyn Error>> {
    let Pack { agent, customer, out, only, min_seconds } = options;
    let only: BTreeSet<String> = match only {
        Some(file) => std::fs::read_to_string(file)?.split_whitespace().map(str::to_owned).collect(),
        None => BTreeSet::new(),
    };
    let (pack, report) = build_pack(&BuildOptions { agent, customer, only, min_seconds })?;
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
