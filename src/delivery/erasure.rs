//! Erasure and hold. The tombstone in the catalog comes first: from then on nothing of the recording is served, whatever
//! lies in the volume or lands there later.

use super::{Delivery, DeliveryError};
use crate::catalog::{EraseError, Row};
use crate::recording::{Recording, Scope, Sid, Status};
use crate::telemetry;
use crate::volume::blocking;

/// Why nothing was erased, or not all of it.
#[derive(Debug)]
pub enum ErasureError {
    /// The call is held.
    OnHold,
    /// There is none of that name in the caller's scope; or what is erased could not be removed yet.
    Delivery(DeliveryError),
}

impl<E: Into<DeliveryError>> From<E> for ErasureError {
    fn from(error: E) -> Self {
        Self::Delivery(error.into())
    }
}

impl Delivery {
    /// Erases a recording, or all recordings of a call, for good: their rows, for those who tell other servers. Repeated, it
    /// removes what was left behind.
    pub async fn erase(&self, scope: &Scope, sid: Sid, at_source: bool) -> Result<Vec<Row>, ErasureError> {
        // Known first: a leg that stands for another call goes with that one.
        let sid = self
            .known(sid)
            .await?
            .map_or(sid, |(recording, _)| if recording.names().any(|name| name == sid) { sid } else { recording.sid });
        let rows = self.0.catalog.erase(scope, sid, at_source).await.map_err(|error| match error {
            EraseError::OnHold => ErasureError::OnHold,
            EraseError::Unknown => DeliveryError::Unknown.into(),
            EraseError::Catalog(error) => error.into(),
        })?;
        telemetry::erased(sid, rows.len());
        // All are told and none is served any more, before the disk is asked to do anything.
        for (recording, status) in &rows {
            // Where the queue does not hear it, its worker finds the tombstone.
            let _ = self.0.jobs.withdraw(recording.sid).await;
            self.settle(recording, status).await;
        }
        let names: Vec<Sid> = rows.iter().map(|(recording, _)| recording.sid).chain([sid]).collect();
        let volume = self.0.volume.clone();
        blocking(move || names.into_iter().try_for_each(|name| volume.remove(name))).await?;
        for (recording, _) in &rows {
            self.0.shelf.remove(recording);
        }
        Ok(rows)
    }

    /// Holds the call that a name stands for, or lets go of it; the status of what bears the name. What was erased
    /// can not be held.
    pub async fn hold(&self, scope: &Scope, sid: Sid, held: bool) -> Result<Status, DeliveryError> {
        let found = self.known(sid).await?;
        let (recording, status) =
            found.filter(|(recording, _)| scope.covers(&recording.tenant)).ok_or(DeliveryError::Unknown)?;
        if !status.is_erased() {
            self.0.catalog.hold(recording.call_sid, held).await?;
        }
        Ok(status)
    }

    /// Removes the file of a recording that was erased or has expired: one that landed after that.
    pub(super) async fn clear(&self, (recording, status): &Row) {
        self.settle(recording, status).await;
        let (volume, sid) = (self.0.volume.clone(), recording.sid);
        if let Err(error) = blocking(move || volume.remove(sid)).await {
            telemetry::not_removed(sid, &error.to_string());
        }
        self.0.shelf.remove(recording);
    }

    /// Tells whoever waits, and lets go of what is open.
    async fn settle(&self, recording: &Recording, status: &Status) {
        if self.0.registry.holds(recording.sid) {
            self.0.registry.pin(recording.sid).seed(recording.clone(), status.clone()).send().await;
        }
        self.0.shelf.remove(recording);
    }
}
