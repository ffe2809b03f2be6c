//! `landfall prune`: applies retention now, beside a running server or without one.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{block_on, say};
use crate::catalog;
use crate::config::Config;
use crate::retention::{Removal, Retention};
use crate::signals::{Signal, Signals};
use crate::volume::Volume;

/// Apply retention now: remove what is too old or too much, oldest first
///
/// Held calls, recordings that are being listened to, and files of calls that nobody has registered stay.
#[derive(Args)]
pub(super) struct Prune {
    /// Only print what would be removed
    #[arg(long)]
    dry_run: bool,
}

/// Nobody waits in this process; servers notice that a file is gone by themselves.
struct Nobody;

impl Signals for Nobody {
    fn send(&self, _: Signal) {}
}

impl Prune {
    pub(super) fn run(self, config: &Config) -> ExitCode {
        block_on(async {
            let volume = Volume::open(&config.volume).map_err(|error| format!("volume: {error}"))?;
            let catalog =
                catalog::open(&config.database_url).await.map_err(|error| format!("database_url: {error}"))?;
            let retention = Retention::new(catalog, volume, Arc::new(Nobody), config.retention_options());
            if !retention.is_bounded() {
                say("nothing expires: neither retention.days nor retention.max_bytes is set");
                return Ok(());
            }
            if !self.dry_run {
                retention.take_stock().await.map_err(|error| error.to_string())?;
            }
            let (mut count, mut bytes) = (0u64, 0);
            let removed = |removal: Removal| {
                (count, bytes) = (count + 1, bytes + removal.size);
                say(removal);
            };
            retention.run(self.dry_run, removed).await.map_err(|error| error.to_string())?;
            let did = if self.dry_run { "would be removed" } else { "removed" };
            say(format!("{count} recordings {did}, {bytes} bytes"));
            Ok(())
        })
    }
}
