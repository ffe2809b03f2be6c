//! Landings on their way from the ledger into the catalog, and what the catalog makes of them. Whoever waits is told before.

use std::collections::HashMap;

use tokio::time::{Duration, Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Delivery;
use super::landings::ready;
use super::ledger::Told;
use crate::catalog::CatalogError;
use crate::recording::{Media, Sid, State};
use crate::telemetry;

/// A catalog that does not take what has landed is asked again and again for so long. After that the volume keeps the truth:
/// whoever looks next notes it.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
/// From one try to the next.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

impl Delivery {
    /// A file that this machine has seen land goes into the catalog soon.
    pub fn note_later(&self, sid: Sid) {
        self.0.ledger.add((sid, None));
    }

    /// Writes down what is gathered, until it stops and nothing is left. One task of the process.
    pub async fn note_landings(self, stop: CancellationToken) {
        loop {
            let batch = self.0.ledger.gather(&stop).await;
            if batch.is_empty() {
                return;
            }
            let count = batch.len();
            self.note_batch(batch, &stop).await;
            self.0.ledger.done(count);
        }
    }

    /// Waits until what has landed up to now is in the catalog, where that answers in time: for those who are about to read it.
    pub async fn until_noted(&self) {
        self.0.ledger.caught_up().await;
    }

    async fn note_batch(&self, batch: Vec<Told>, stop: &CancellationToken) {
        let landed = self.looked_at(batch).await;
        // Half written, gone again, or no recording.
        if landed.is_empty() {
            return;
        }
        for (sid, media) in &landed {
            if self.is_open(*sid) {
                self.0.registry.pin(*sid).advance(|now| ready(now, *media)).send().await;
            }
        }
        let begun = Instant::now();
        while let Err(error) = self.note(&landed).await {
            if begun.elapsed() >= GIVE_UP_AFTER || stop.is_cancelled() {
                landed.iter().for_each(|(sid, _)| telemetry::landing_not_noted(*sid, &error.0));
                return;
            }
            warn!(landings = landed.len(), %error, "the catalog does not take what has landed; it is asked again");
            let _ = timeout(BETWEEN_TRIES, stop.cancelled()).await;
        }
    }

    /// Those of a batch that have landed, each with its shape.
    async fn looked_at(&self, batch: Vec<Told>) -> Vec<(Sid, Media)> {
        let mut shapes: HashMap<Sid, Option<Media>> = HashMap::with_capacity(batch.len());
        for (sid, media) in batch {
            // Told of twice, by one who had looked and one who had not.
            let shape = shapes.entry(sid).or_default();
            *shape = shape.or(media);
        }
        let is_gone = |sid: &&Sid| self.0.registry.state(**sid) == Some(State::Gone);
        let gone: Vec<Sid> = shapes.keys().filter(is_gone).copied().collect();
        for sid in gone {
            shapes.remove(&sid);
            self.landed(sid, None).await;
        }
        let unseen = shapes.iter().filter(|(_, shape)| shape.is_none()).map(|(sid, _)| *sid).collect();
        shapes.extend(self.look_at_all(unseen).await);
        shapes.into_iter().filter_map(|(sid, shape)| Some((sid, shape?))).collect()
    }

    /// Writes landings into the catalog, and takes over what it makes of them.
    pub(super) async fn note(&self, landings: &[(Sid, Media)]) -> Result<(), CatalogError> {
        let sids: Vec<Sid> = landings.iter().map(|(sid, _)| *sid).collect();
        self.0.catalog.landed(landings).await?;
        for (recording, status) in self.0.catalog.find(&sids).await?.into_iter().flatten() {
            self.changed(recording, status).await;
        }
        Ok(())
    }
}
