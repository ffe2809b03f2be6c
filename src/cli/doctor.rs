//! `landfall doctor`: what is wrong, where, and how to mend it; before the first start and beside a running server. Each
//! file below holds the checks of one matter.

mod auth;
mod call_log;
mod catalog;
mod check;
mod clock;
mod disk;
mod door;
mod files;
mod origins;
mod place;
mod provider;
mod range;
mod redis;
mod report;
mod sharing;
mod volume;
mod websocket;

use std::io::IsTerminal;
use std::pin::Pin;
use std::process::ExitCode;

use clap::Args;
use futures_util::future::join_all;
use tokio::time::{Duration, timeout};

use super::{FAILED, failed, say};
use crate::config::{Config, Fault, Faults};

use check::Check;
use place::{absolute, owner};
use report::Report;

/// A check that takes longer hangs, and has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Check everything, and say how to mend what is wrong
///
/// Works before the first start and beside a running server. Warnings and skipped checks are no failures.
#[derive(Args)]
pub(super) struct Doctor {
    /// Print one JSON object: {ok, checks: [{name, status: ok|warn|fail|skip, detail, mend?}]}
    #[arg(long)]
    json: bool,
}

type Running<'a> = Pin<Box<dyn Future<Output = Check> + 'a>>;

impl Doctor {
    pub(super) fn run(self, config: &Config) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(error),
        };
        let report = Report(runtime.block_on(all(config)));
        // A disk that hangs must not keep us from saying so.
        runtime.shutdown_background();
        self.show(&report);
        if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
    }

    /// The configuration is invalid: there is nothing else to check by.
    pub(super) fn refused(&self, faults: &Faults) {
        if self.json {
            self.show(&Report(faults.0.iter().map(fault).collect()));
        } else {
            super::complain(faults);
        }
    }

    fn show(&self, report: &Report) {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let colours = std::io::stdout().is_terminal() && !is_plain;
        say(if self.json { report.json() } else { report.text(colours) });
    }
}

/// All checks at once, in the order in which people look for what is wrong.
async fn all(config: &Config) -> Vec<Check> {
    let disks = "the file system does not answer: is a network file system's server gone? (findmnt; dmesg | tail)";
    let others = "whoever is asked there takes connections and does not answer: look into its log";
    let mut running: Vec<Running<'_>> = vec![
        Box::pin(async { valid(config) }),
        bounded("volume", disks, volume::volume(config)),
        bounded("files", disks, files::files(config)),
        bounded("disk", disks, disk::disk(config)),
        bounded("sharing", others, sharing::sharing(config)),
        bounded("catalog", disks, catalog::catalog(config)),
        bounded("call_log", others, call_log::call_log(config)),
        bounded("redis", others, redis::redis(config)),
        bounded("auth", others, auth::auth(config)),
    ];
    running.extend(provider::accounts(config).map(|check| bounded("provider", others, check)));
    running.extend([
        bounded("clock", others, clock::clock(config)),
        bounded("server", others, door::server(config)),
        bounded("public_url", others, door::public_url(config)),
        bounded("origins", others, origins::origins(config)),
        bounded("range", others, range::range(config)),
        bounded("buffering", others, range::buffering(config)),
        bounded("websocket", others, websocket::websocket(config)),
    ]);
    join_all(running).await
}

/// A check that has an end; `mend` is for the case that it had none.
fn bounded<'a>(name: &'static str, mend: &'static str, check: impl Future<Output = Check> + 'a) -> Running<'a> {
    Box::pin(async move {
        let hangs = |_| Check::fail(name, format!("no answer within {} s", PATIENCE.as_secs()), mend);
        timeout(PATIENCE, check).await.unwrap_or_else(hangs)
    })
}

/// Which configuration this is: the wrong one is a common fault, too.
fn valid(config: &Config) -> Check {
    let volume = absolute(&config.volume);
    let catalog = match config.database_url.file() {
        Some(file) => absolute(file).display().to_string(),
        None => "in PostgreSQL".to_owned(),
    };
    let url = config.public_url(config.listen);
    let detail = format!("valid: {url}, volume {}, catalog {catalog}; this user is {}", volume.display(), owner());
    Check::ok("configuration", detail)
}

fn fault(Fault { key, variable, wrong }: &Fault) -> Check {
    let by = variable.as_ref().map_or_else(String::new, |variable| format!(" ({variable})"));
    Check::fail("configuration", format!("{key}{by} {}", wrong.what), wrong.mend.clone())
}

#[cfg(test)]
mod tests {
    use super::check::Status;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_has_failed_and_hides_no_other() {
        let hangs = bounded("volume", "look at the disk", std::future::pending());
        let well = bounded("disk", "", async { Check::ok("disk", "room") });
        let found = join_all([hangs, well]).await;
        assert_eq!(found[0], Check::fail("volume", "no answer within 5 s", "look at the disk"));
        assert_eq!(found[1].status, Status::Ok);
    }
}
