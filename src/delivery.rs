//! The use case of a listener: watch, play, open. Joins catalog, jobs, wait map and volume; knows no protocol.
//!
//! Every step is level-triggered: pin the slot, look at the truth, then wait. A signal only makes it quicker.

mod adoption;
mod elsewhere;
mod erasure;
mod error;
mod following;
mod landings;
mod ledger;
mod noting;
mod shelf;
#[cfg(test)]
mod tests;
mod waits;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::catalog::{CallLog, Catalog, Change, Row};
use crate::jobs::{Job, Jobs, Priority};
use crate::recording::{Code, Recording, Scope, Sid, State, Status, Tenant};
use crate::registry::{Mailbox, Pin, Registry, Subscription};
use crate::volume::{Volume, VolumeError, blocking};

pub use erasure::ErasureError;
pub use error::DeliveryError;
pub use following::{FollowError, Following};
use ledger::Ledger;
use shelf::Shelf;
pub use shelf::Shelved;
pub use waits::{Wait, Waited};

/// What a listener wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// To know; starts nothing.
    Watch,
    /// To hear: starts the download, ahead of prefetches.
    Play,
}

/// A recording as somebody asked for it, with its status of that moment.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What is known of it.
    pub recording: Arc<Recording>,
    /// Its state.
    pub status: Status,
}

impl Seen {
    /// Playing time; before it has landed, what the back end told.
    pub fn duration_ms(&self) -> Option<u64> {
        let told = self.recording.about.duration_s.map(|seconds| u64::from(seconds) * 1000);
        self.status.media.map(|media| media.duration_ms).or(told)
    }
}

/// A recording that is being watched: later changes go to the mailbox until this is dropped.
pub struct Watched {
    /// The state at the moment of attaching: no change between it and the first event is lost.
    pub seen: Seen,
    /// The place in the wait map.
    pub subscription: Subscription,
}

/// A recording's bytes, or why there are none.
pub enum Opened {
    /// Landed.
    File(Arc<Shelved>),
    /// Not landed (yet, or never).
    Not(Seen),
}

/// The use case; clones share it.
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    catalog: Arc<dyn Catalog>,
    /// Where calls may be found that the catalog does not know.
    call_log: Option<Arc<CallLog>>,
    jobs: Arc<dyn Jobs>,
    registry: Registry,
    volume: Volume,
    shelf: Shelf,
    ledger: Ledger,
    /// Workers land where we do not look.
    is_elsewhere: AtomicBool,
}

impl Delivery {
    /// Over these parts, which others may share.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        call_log: Option<Arc<CallLog>>,
        jobs: Arc<dyn Jobs>,
        registry: Registry,
        volume: Volume,
    ) -> Self {
        Self(Arc::new(Inner {
            catalog,
            call_log,
            jobs,
            registry,
            volume,
            shelf: Shelf::default(),
            ledger: Ledger::default(),
            is_elsewhere: AtomicBool::new(false),
        }))
    }

    /// Attaches the mailbox to each recording of these names, in their order. With [`Intent::Play`], also sees to
    /// the downloads. Costs one look into the catalog and one into the volume, however many names there are.
    pub async fn watch(
        &self,
        scope: &Scope,
        sids: &[Sid],
        intent: Intent,
        mailbox: &Arc<Mailbox>,
    ) -> Vec<Result<Watched, DeliveryError>> {
        let pins = self.pin(scope, sids).await;
        let unsettled = self.look(pins.iter().flatten()).await;
        let mut watched = Vec::with_capacity(sids.len());
        for (asked, pin) in sids.iter().zip(pins) {
            watched.push(match pin {
                Ok(pin) => self.attach(*asked, &pin, intent, mailbox, unsettled.as_ref().err()).await,
                Err(error) => Err(error),
            });
        }
        watched
    }

    /// The status of this moment.
    pub async fn look_at(&self, scope: &Scope, sid: Sid) -> Result<Seen, DeliveryError> {
        let pin = self.pin_one(scope, sid).await?;
        // A volume that does not answer hides nothing from one who only wants to know the state.
        let _ = self.look(std::iter::once(&pin)).await;
        seen(&pin)
    }

    /// Sees to the download, and tells the status after that.
    pub async fn play(&self, scope: &Scope, sid: Sid) -> Result<Seen, DeliveryError> {
        let pin = self.pin_one(scope, sid).await?;
        self.look(std::iter::once(&pin)).await?;
        self.ensure(&pin, Priority::Play).await?;
        seen(&pin)
    }

    /// Sees to the download of what a provider has announced. Nobody waits for it yet.
    pub async fn prefetch(&self, row: Row) -> Result<(), DeliveryError> {
        let pin = self.0.registry.pin(row.0.sid);
        pin.seed(row.0, row.1).send().await;
        self.look(std::iter::once(&pin)).await?;
        self.ensure(&pin, Priority::Prefetch).await
    }

    /// Whose recording that is. For the one who checks a link: its signature names the tenant, its URL does not.
    pub async fn owner(&self, sid: Sid) -> Result<Tenant, DeliveryError> {
        if let Some(shelved) = self.0.shelf.get(sid) {
            return Ok(shelved.recording.tenant.clone());
        }
        let pin = self.pin_one(&Scope::Every, sid).await?;
        Ok(seen(&pin)?.recording.tenant.clone())
    }

    /// A recording's bytes that lie open already, for one who may have them.
    pub fn at_hand(&self, scope: &Scope, sid: Sid) -> Option<Arc<Shelved>> {
        self.0.shelf.get(sid).filter(|shelved| scope.covers(&shelved.recording.tenant))
    }

    /// Opens a recording's bytes. What is on the shelf costs no look into the catalog.
    pub async fn open(&self, scope: &Scope, sid: Sid) -> Result<Opened, DeliveryError> {
        if let Some(shelved) = self.0.shelf.get(sid) {
            let covered = scope.covers(&shelved.recording.tenant);
            return if covered { Ok(Opened::File(shelved)) } else { Err(DeliveryError::Unknown) };
        }
        let pin = self.pin_one(scope, sid).await?;
        let Seen { recording, status } = seen(&pin)?;
        if status.state == State::Gone {
            return Ok(Opened::Not(Seen { recording, status }));
        }
        let volume = self.0.volume.clone();
        let storage = recording.sid;
        // The shelf lets go of a recording by its own names alone; a leg that stands for it has another one.
        let name = if recording.names().any(|name| name == sid) { sid } else { storage };
        if name != sid
            && let Some(shelved) = self.0.shelf.get(name)
        {
            return Ok(Opened::File(shelved));
        }
        let found = blocking(move || match volume.find(storage)? {
            Some(landed) => Shelved::map(name, recording, landed).map(Some),
            None => Ok(None),
        })
        .await?;
        let Some(shelved) = found else {
            if status.state == State::Ready {
                self.not_elsewhere()?;
                self.lost(&pin).await?;
            }
            return Ok(Opened::Not(seen(&pin)?));
        };
        let shelved = self.0.shelf.put(shelved);
        // Erased since we looked: either we see it now, or the eraser finds the file on the shelf.
        let now = seen(&pin)?;
        if now.status.state == State::Gone {
            self.0.shelf.remove(&now.recording);
            return Ok(Opened::Not(now));
        }
        if status.state != State::Ready {
            self.landed(storage, Some(shelved.media)).await;
        }
        Ok(Opened::File(shelved))
    }

    /// A catalog row that others have just changed.
    pub async fn changed(&self, recording: Recording, status: Status) {
        if status.is_removed() {
            self.clear(&(recording, status)).await;
            return;
        }
        self.0.shelf.refresh(&recording);
        if self.0.registry.holds(recording.sid) {
            self.0.registry.pin(recording.sid).seed(recording, status).send().await;
        }
    }

    /// Pins the recordings of these names and makes sure their slots are seeded.
    async fn pin(&self, scope: &Scope, sids: &[Sid]) -> Vec<Result<Pin, DeliveryError>> {
        // Pinned before the catalog is asked: what changes after the answer is published into the slot.
        let pins: Vec<Pin> = sids.iter().map(|sid| self.0.registry.pin(*sid)).collect();
        let unknown: Vec<Sid> = pins.iter().filter(|pin| pin.get().is_none()).map(Pin::sid).collect();
        let (mut found, failure) = self.find_or_adopt(&unknown).await;
        let mut seeded = Vec::with_capacity(pins.len());
        for pin in pins {
            seeded.push(match found.remove(&pin.sid()) {
                Some(row) => self.seed(pin, row).await.and_then(|pin| covered(scope, pin)),
                // Seeded before, or the second of the same name; a slot without seed is no recording.
                None => match &failure {
                    Some(error) if pin.get().is_none() => Err(error.clone().into()),
                    _ => covered(scope, pin),
                },
            });
        }
        seeded
    }

    async fn pin_one(&self, scope: &Scope, sid: Sid) -> Result<Pin, DeliveryError> {
        self.pin(scope, &[sid]).await.pop().unwrap_or(Err(DeliveryError::Unknown))
    }

    /// Seeds the slot of the recording's storage name, which may be another than the one asked for.
    async fn seed(&self, pin: Pin, row: Row) -> Result<Pin, DeliveryError> {
        let storage = row.0.sid;
        if storage == pin.sid() {
            pin.seed(row.0, row.1).send().await;
            return Ok(pin);
        }
        let pin = self.0.registry.pin(storage);
        if pin.get().is_none() {
            // The row was read before this slot was pinned, and may be stale.
            let row = self.0.catalog.find(&[storage]).await?.pop().flatten().ok_or(DeliveryError::Unknown)?;
            pin.seed(row.0, row.1).send().await;
        }
        Ok(pin)
    }

    async fn attach(
        &self,
        asked: Sid,
        pin: &Pin,
        intent: Intent,
        mailbox: &Arc<Mailbox>,
        blind: Option<&VolumeError>,
    ) -> Result<Watched, DeliveryError> {
        if intent == Intent::Play && blind.is_none() {
            self.ensure(pin, Priority::Play).await?;
        }
        let (subscription, recording, status) = pin.attach(asked, mailbox).ok_or(DeliveryError::Unknown)?;
        match blind {
            Some(error) if intent == Intent::Play && !status.state.is_settled() => {
                Err(DeliveryError::Volume(error.clone()))
            }
            _ => Ok(Watched { seen: Seen { recording, status }, subscription }),
        }
    }

    /// Looks whether any of the unsettled has landed unnoticed.
    async fn look(&self, pins: impl Iterator<Item = &Pin>) -> Result<(), VolumeError> {
        let absent = |pin: &&Pin| pin.get().is_some_and(|(_, s)| !matches!(s.state, State::Ready | State::Gone));
        let sids: Vec<Sid> = pins.filter(absent).map(Pin::sid).collect();
        if sids.is_empty() {
            return Ok(());
        }
        let volume = self.0.volume.clone();
        let found = blocking(move || -> Result<Vec<_>, VolumeError> {
            let look = |sid: Sid| volume.find(sid).map(|found| found.map(|landed| (sid, landed.media)));
            sids.into_iter().filter_map(|sid| look(sid).transpose()).collect()
        });
        for (sid, media) in found.await? {
            self.landed(sid, Some(media)).await;
        }
        Ok(())
    }

    /// Makes sure that a recording which does not lie in the volume has a job.
    async fn ensure(&self, pin: &Pin, priority: Priority) -> Result<(), DeliveryError> {
        let Seen { recording, status } = seen(pin)?;
        match status.state {
            State::Gone => return Ok(()),
            State::Ready if self.0.volume.find_off_thread(pin.sid()).await?.is_some() => return Ok(()),
            State::Ready => {
                self.not_elsewhere()?;
                self.lost(pin).await?;
            }
            // Told so before: its job waits until the mount is mended.
            _ if status.awaits_mount() && self.is_elsewhere() => return Ok(()),
            _ => {}
        }
        let is_new = !status.state.is_pending();
        if is_new {
            self.change(pin, &[State::Unknown, State::Failed], Change::to(State::Queued)).await?;
            let Status { state, code, .. } = seen(pin)?.status;
            if state == State::Failed {
                // It was told while the catalog did not answer. Written down first, so that the versions agree again.
                let failed = Change { state, code, retry_at: None };
                self.change(pin, &[State::Queued, State::Downloading], failed).await?;
                self.change(pin, &[State::Failed], Change::to(State::Queued)).await?;
            }
        }
        let job = Job { sid: recording.sid, tenant: recording.tenant.clone(), priority };
        match status.state {
            State::Downloading => self.0.jobs.restore(job).await?,
            _ if is_new => self.0.jobs.begin(job).await?,
            _ => self.0.jobs.ensure(job).await?,
        };
        if self.is_elsewhere() {
            self.given_up(recording.sid, Code::VolumeMismatch).await;
        }
        Ok(())
    }

    /// A recording that the catalog calls landed is not in the volume: the next play fetches it anew.
    async fn lost(&self, pin: &Pin) -> Result<(), DeliveryError> {
        self.change(pin, &[State::Ready], Change::to(State::Unknown)).await
    }

    /// Changes the catalog and tells who waits; where somebody else was quicker, tells what they did.
    async fn change(&self, pin: &Pin, from: &[State], change: Change) -> Result<(), DeliveryError> {
        let sid = pin.sid();
        self.0.catalog.change(sid, from, change).await?;
        if let Some((recording, status)) = self.0.catalog.find(&[sid]).await?.pop().flatten() {
            pin.seed(recording, status).send().await;
        }
        Ok(())
    }
}

/// What the slot knows; a slot that nobody could seed is no recording.
fn seen(pin: &Pin) -> Result<Seen, DeliveryError> {
    pin.get().map(|(recording, status)| Seen { recording, status }).ok_or(DeliveryError::Unknown)
}

fn covered(scope: &Scope, pin: Pin) -> Result<Pin, DeliveryError> {
    let (recording, _) = pin.get().ok_or(DeliveryError::Unknown)?;
    if scope.covers(&recording.tenant) { Ok(pin) } else { Err(DeliveryError::Unknown) }
}
