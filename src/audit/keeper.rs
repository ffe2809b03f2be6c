//! Takes what has been noted to the catalog, many entries at a time. Knows not what they say.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Told;
use crate::catalog::{Catalog, CatalogError, Deed};
use crate::telemetry;

/// Entries of one transaction.
const MOST_AT_ONCE: usize = 256;
/// How long the first entry of a transaction waits for others: a transaction costs a write to the disk.
const LINGER: Duration = Duration::from_millis(100);
/// Between two tries, where the catalog does not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The one that writes.
pub struct Keeper {
    pub(super) told: mpsc::Receiver<Told>,
}

/// What goes to the catalog together, and who waits for that.
#[derive(Default)]
struct Batch {
    deeds: Vec<Deed>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn take(&mut self, told: Told) {
        match told {
            Told::Deed(deed) => self.deeds.push(deed),
            Told::Settle(settle) => self.waiting.push(settle),
        }
    }

    /// Somebody waits, or there is no more room.
    fn is_due(&self) -> bool {
        !self.waiting.is_empty() || self.deeds.len() >= MOST_AT_ONCE
    }
}

impl Keeper {
    pub(super) fn new(told: mpsc::Receiver<Told>) -> Self {
        Self { told }
    }

    /// Writes until told to stop; then what is left.
    pub async fn run(mut self, catalog: Arc<dyn Catalog>, stop: CancellationToken) {
        let mut batch = Batch::default();
        while !stop.is_cancelled() {
            stop.run_until_cancelled(self.gather(&mut batch)).await;
            write(&*catalog, &mut batch, &stop).await;
        }
        self.told.close();
        while let Ok(told) = self.told.try_recv() {
            batch.take(told);
        }
        write(&*catalog, &mut batch, &stop).await;
    }

    /// Waits for a first one, then briefly for more.
    async fn gather(&mut self, batch: &mut Batch) {
        match self.told.recv().await {
            Some(told) => batch.take(told),
            // Nobody is left who could note anything: all that can come is the end.
            None => std::future::pending().await,
        }
        let due = Instant::now() + LINGER;
        while !batch.is_due() {
            match timeout_at(due, self.told.recv()).await {
                Ok(Some(told)) => batch.take(told),
                Ok(None) | Err(_) => break,
            }
        }
    }
}

/// Writes it, however often that must be tried; told to stop, once.
async fn write(catalog: &dyn Catalog, batch: &mut Batch, stop: &CancellationToken) {
    while let Err(error) = append(catalog, batch).await {
        warn!(%error, entries = batch.deeds.len(), "the catalog does not take the audit");
        if stop.is_cancelled() {
            telemetry::audit_lost(batch.deeds.len());
            return;
        }
        stop.run_until_cancelled(sleep(AGAIN_AFTER)).await;
    }
}

async fn append(catalog: &dyn Catalog, batch: &mut Batch) -> Result<(), CatalogError> {
    if !batch.deeds.is_empty() {
        catalog.audit(&batch.deeds).await?;
    }
    batch.deeds.clear();
    for settle in batch.waiting.drain(..) {
        let _ = settle.send(());
    }
    Ok(())
}
