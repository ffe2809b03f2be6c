//! The load test: scenarios of listeners in an open model, what they found, and whether to believe it; knows a server only from outside.
//!
//! Arrivals happen at their intended times whatever the server does, and latencies count from there: a server that stalls cannot slow
//! down its own test. A generator that could not keep its schedule says so, and its run is invalid.

mod arrivals;
mod bytes;
mod cli;
mod compare;
mod context;
mod day;
mod disturb;
mod findings;
mod generator;
mod html;
mod http;
mod landings;
mod latencies;
mod library;
mod listener;
mod meter;
mod outcome;
mod plan;
mod plot;
mod report;
mod scenarios;
mod server_metrics;
mod session;
mod simulator;
mod slow;
mod soak;
mod socket;
mod spawned;
mod target;
mod thresholds;
mod units;
mod zipf;

pub use cli::main;
pub use report::Report;

/// Whatever stops a run: a text for the one who typed the command.
type Failure = Box<dyn std::error::Error + Send + Sync>;
