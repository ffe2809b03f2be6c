//! Copies at the provider that are to be deleted, because what they are copies of was erased or has expired. Each stays
//! noted in the catalog until the provider has none any more.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::time::Duration;

use crate::catalog::{Catalog, CatalogError, SourceDeletion};
use crate::recording::Timestamp;
use crate::source::Source;
use crate::telemetry;

/// Deletions looked up at once; they are done one after the other, for the provider counts requests in flight.
const AT_ONCE: usize = 32;
/// After a failure, doubling up to …
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// … this.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// The use case.
pub struct Deletions {
    catalog: Arc<dyn Catalog>,
    source: Arc<dyn Source>,
}

impl Deletions {
    /// Over these parts.
    pub fn new(catalog: Arc<dyn Catalog>, source: Arc<dyn Source>) -> Self {
        Self { catalog, source }
    }

    /// Does all whose turn has come.
    pub async fn run(&self) -> Result<(), CatalogError> {
        loop {
            let due = self.catalog.source_deletions(Timestamp::now(), AT_ONCE).await?;
            for deletion in &due {
                self.delete(deletion).await?;
            }
            if due.len() < AT_ONCE {
                return Ok(());
            }
        }
    }

    async fn delete(&self, SourceDeletion { sid, account_sid, tries }: &SourceDeletion) -> Result<(), CatalogError> {
        match self.source.delete(account_sid, *sid).await {
            Ok(()) => {
                telemetry::deleted_at_source(*sid);
                self.catalog.source_deleted(*sid).await
            }
            Err(error) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << (*tries).min(16)).min(LONGEST_PAUSE);
                telemetry::not_deleted_at_source(*sid, pause, &error.to_string());
                self.catalog.source_deletion_failed(*sid, Timestamp::now().plus(pause)).await
            }
        }
    }
}
