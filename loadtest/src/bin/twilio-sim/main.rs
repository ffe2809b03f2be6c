//! `twilio-sim`: the simulator as a program of its own, and the maker of phrase packs; the library does the work.

mod pack;
mod serve;

use clap::{Parser, Subcommand};

/// Plays Twilio's Recordings API with real telephone speech, and whatever goes wrong there.
///
/// `twilio-sim serve` answers where api.twilio.com would, and takes orders under /_sim/ (see loadtest/README.md).
#[derive(Parser)]
#[command(name = "twilio-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the simulator until Ctrl-C; prints its URL
    Serve(Box<serve::Serve>),
    /// Make a pack of phrases from directories of WAV files (needs the `lame` program)
    Pack(pack::Pack),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Cli::parse().command {
        Command::Serve(options) => serve::run(*options),
        Command::Pack(options) => pack::run(options),
    }
}
