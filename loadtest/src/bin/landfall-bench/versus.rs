//! Landfall next to the servers that others would take for the same work; knows not what is measured.

mod cold;
mod media;
mod origin;
pub(crate) mod peers;

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
}

pub(crate) fn run(bench: &Bench, versus: &Versus) -> Result<(), Box<dyn Error>> {
    match &versus.contest {
        Contest::Media(options) => bench.run("versus-media", |home| media::run(bench, options, home)),
        Contest::Cold(options) => bench.run("versus-cold", |home| cold::run(bench, options, home)),
    }
}
