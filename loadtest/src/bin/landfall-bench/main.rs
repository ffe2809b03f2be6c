//! `landfall-bench`: the product's figures, measured on this machine against a real server; see docs/benchmarks.md.
//!
//! It never fails because a figure is bad: a verdict is text. It fails when the server answers wrongly or not at all.

mod bench;
mod calls;
mod costs;
mod deployment;
mod fleet;
mod floor;
mod herd;
mod jobs;
mod listen;
mod media;
mod memory;
mod prepared;
mod provider;
mod push;
mod serving;
mod start;
mod storm;
mod versus;

use clap::{Parser, Subcommand};

/// Measures Landfall on this machine, one figure after the other.
///
/// Each benchmark prints a table and writes OUT/BENCHMARK.json. Nothing else should run meanwhile.
#[derive(Parser)]
#[command(name = "landfall-bench", version)]
struct Cli {
    #[command(flatten)]
    bench: bench::Bench,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// From the rename of a file to `ready` at the one socket that waits for it
    Push(push::Push),
    /// From the first to the last of hundreds of listeners of one recording
    Herd(herd::Herd),
    /// Memory of an idle socket
    Memory(memory::Memory),
    /// CPU of serving ranges, against nginx
    Media(media::Media),
    /// Time to be ready, and the cost of requests, with few and with many recordings
    Start(start::Start),
    /// The same with a million recordings; making them takes its time, once
    Growth(start::Growth),
    /// From the rename of a file to `ready` at a socket of another server
    Fleet(fleet::Fleet),
    /// What a job costs Redis, with few and with many queued
    Jobs(jobs::Jobs),
    /// What thousands of sockets that come back at once cost PostgreSQL
    Storm(storm::Storm),
    /// Against the servers that others would take for the same work
    Versus(versus::Versus),
    /// Print what the benchmarks found, as one table
    Table,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Cli { bench, command } = Cli::parse();
    match command {
        Command::Push(options) => bench.run("push", |home| push::run(&bench, &options, home)),
        Command::Herd(options) => bench.run("herd", |home| herd::run(&bench, &options, home)),
        Command::Memory(options) => bench.run("memory", |home| memory::run(&bench, &options, home)),
        Command::Media(options) => bench.run(options.name(), |home| media::run(&bench, &options, home)),
        Command::Start(options) => bench.run("start", |_| start::start(&bench, &options)),
        Command::Growth(options) => bench.run("growth", |_| start::growth(&bench, &options)),
        Command::Fleet(options) => bench.run("fleet", |home| fleet::run(&bench, &options, home)),
        Command::Jobs(options) => bench.run("jobs", |_| jobs::run(&bench, &options)),
        Command::Storm(options) => bench.run("storm", |home| storm::run(&bench, &options, home)),
        Command::Versus(options) => versus::run(&bench, &options),
        Command::Table => bench.table(),
    }
}
