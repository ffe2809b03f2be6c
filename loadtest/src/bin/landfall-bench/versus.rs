//! Landfall next to the servers that others would take for the same work; knows only which contests there are.

mod bars;
mod cold;
mod contender;
mod crowd;
mod document;
mod findings;
mod herald;
mod media;
mod origin;
pub(crate) mod peers;
mod push;
mod sockets;
mod sound;
mod unpaced;

use std::error::Error;

use clap::Subcommand;

use super::bench::Bench;

#[derive(clap::Args)]
pub(crate) struct Versus {
    #[command(subcommand)]
    contest: Contest,
}

#[derive(Subcommand)]
enum Contest {
    /// CPU, speed and rate of serving ranges and files, against nginx, h2o, Caddy and Varnish
    Media(media::Media),
    /// Many clients of a file that nobody has yet, against caches before a slow origin: nginx and Varnish
    Cold(cold::Cold),
    /// From a signal to the sockets that wait for it, against Nchan, uWebSockets.js and ws
    Push(push::Push),
    /// Memory of an idle socket, against the same
    Sockets(sockets::Sockets),
    /// From play to sound, against the polling player that Landfall replaces
    Sound(sound::Sound),
    /// Write what the last runs found into docs/benchmarks.md, with charts
    Write(document::Write),
}

pub(crate) fn run(bench: &Bench, versus: &Versus) -> Result<(), Box<dyn Error>> {
    match &versus.contest {
        Contest::Media(options) => bench.run(options.name(), |home| media::run(bench, options, home)),
        Contest::Cold(options) => bench.run("versus-cold", |home| cold::run(bench, options, home)),
        Contest::Push(options) => bench.run("versus-push", |home| push::run(bench, options, home)),
        Contest::Sockets(options) => bench.run("versus-sockets", |home| sockets::run(bench, options, home)),
        Contest::Sound(options) => bench.run("versus-sound", |home| sound::run(bench, options, home)),
        Contest::Write(options) => Ok(document::write(bench, options)?),
    }
}

/// Digits in groups of three.
fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_written_in_groups() {
        assert_eq!([1, 999, 1_000, 10_000, 1_234_567].map(thousands), ["1", "999", "1,000", "10,000", "1,234,567"]);
    }
}
