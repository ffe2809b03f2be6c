//! Calls that the catalog does not know, and another system's table does: they are registered when somebody asks for them.

use std::collections::HashMap;

use super::Delivery;
use crate::catalog::{Adopted, CatalogError, Legs, Row};
use crate::recording::Sid;

impl Delivery {
    /// What these names stand for, and why some of them are not known to stand for anything. What the catalog knows is
    /// told whatever becomes of the table.
    pub(super) async fn find_or_adopt(&self, sids: &[Sid]) -> (HashMap<Sid, Row>, Option<CatalogError>) {
        let found = match self.0.catalog.find(sids).await {
            Ok(found) => found,
            Err(error) => return (HashMap::new(), Some(error)),
        };
        let (mut rows, mut unknown) = (HashMap::with_capacity(sids.len()), Vec::new());
        for (sid, row) in sids.iter().zip(found) {
            match row {
                Some(row) => drop(rows.insert(*sid, row)),
                None => unknown.push(*sid),
            }
        }
        match self.adopt(&unknown, Legs::AsParents).await {
            Ok(adopted) => {
                rows.extend(adopted);
                (rows, None)
            }
            Err(error) => (rows, Some(error)),
        }
    }

    /// What that name stands for.
    pub(super) async fn known(&self, sid: Sid) -> Result<Option<Row>, CatalogError> {
        match self.find_or_adopt(&[sid]).await {
            (_, Some(error)) => Err(error),
            (mut rows, None) => Ok(rows.remove(&sid)),
        }
    }

    /// Registers a call of which the provider says that it has a recording, if the table knows whose it is. Where that
    /// cannot be found out now, the callback waits for it.
    pub async fn adopt_announced(&self, call_sid: Sid) {
        if self.0.call_log.is_none() {
            return;
        }
        let is_unknown = match self.0.catalog.find(&[call_sid]).await {
            Ok(found) => found.iter().all(Option::is_none),
            Err(_) => return,
        };
        if is_unknown && let Err(error) = self.adopt(&[call_sid], Legs::AsThemselves).await {
            tracing::warn!(sid = %call_sid, %error, "whose call was announced is not known yet");
        }
    }

    async fn adopt(&self, unknown: &[Sid], legs: Legs) -> Result<HashMap<Sid, Row>, CatalogError> {
        let Some(call_log) = self.0.call_log.as_ref().filter(|_| !unknown.is_empty()) else {
            return Ok(HashMap::new());
        };
        let Adopted { rows, announced, .. } = call_log.adopt(unknown, legs).await?;
        self.prefetch_all(announced).await;
        Ok(rows)
    }

    /// Tells of calls that were taken over, and sees to what callbacks had announced of them.
    pub async fn adopted(&self, adopted: Adopted) {
        for (recording, status) in adopted.rows.into_values() {
            self.changed(recording, status).await;
        }
        self.prefetch_all(adopted.announced).await;
    }

    async fn prefetch_all(&self, announced: Vec<Row>) {
        for row in announced {
            let sid = row.0.sid;
            if let Err(error) = self.prefetch(row).await {
                // Whoever plays it starts it.
                tracing::warn!(%sid, %error, "an announced recording could not be queued");
            }
        }
    }
}
