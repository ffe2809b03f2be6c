//! What is too old, and what is too much: landed recordings that expire, oldest first; and what has no right to lie in the
//! volume. Knows no listener: whoever serves a file has marked it, and waiters are told by signal.

mod provider;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tokio::time::Duration;

use crate::catalog::{Aged, Catalog, CatalogError};
use crate::recording::{Sid, State, Timestamp};
use crate::signals::{Signal, Signals};
use crate::telemetry;
use crate::volume::{Volume, VolumeError, blocking};

pub use provider::Deletions;

/// Recordings looked at in one go, and the pause after them: a large catalog must not keep a core from listeners.
const AT_ONCE: usize = 256;
const BETWEEN: Duration = Duration::from_millis(20);
const DAY: Duration = Duration::from_secs(86_400);

/// When recordings expire; without either bound they never do.
#[derive(Clone, Copy, Debug, Default)]
pub struct RetentionOptions {
    /// The age at which they do, in days.
    pub days: Option<u32>,
    /// The bytes of all that have landed beyond which the oldest do.
    pub max_bytes: Option<u64>,
    /// Expiry and erasure also delete the provider's copy.
    pub delete_at_source: bool,
}

/// Why a recording expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is too old.
    Days,
    /// There is too much.
    Bytes,
}

impl Reason {
    /// Its name in metrics and for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Bytes => "bytes",
        }
    }
}

/// A recording that expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Its storage name.
    pub sid: Sid,
    /// Why.
    pub reason: Reason,
    /// The bytes that became free.
    pub size: u64,
}

/// Why a run ended early. What it has done by then is done.
#[derive(Debug)]
pub enum RetentionError {
    /// The catalog does not answer.
    Catalog(CatalogError),
    /// The volume does not answer.
    Volume(VolumeError),
}

impl fmt::Display for RetentionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog(error) => error.fmt(f),
            Self::Volume(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RetentionError {}

impl From<CatalogError> for RetentionError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

impl From<VolumeError> for RetentionError {
    fn from(error: VolumeError) -> Self {
        Self::Volume(error)
    }
}

/// The use case.
pub struct Retention {
    catalog: Arc<dyn Catalog>,
    volume: Volume,
    signals: Arc<dyn Signals>,
    options: RetentionOptions,
}

impl Retention {
    /// Over these parts.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        volume: Volume,
        signals: Arc<dyn Signals>,
        options: RetentionOptions,
    ) -> Self {
        Self { catalog, volume, signals, options }
    }

    /// Lets expire what is too old or too much, oldest first, and tells `removed` of each. Held calls stay, and so does
    /// what is being served; what nobody has registered is not known here. A trial changes nothing.
    pub async fn run(&self, trial: bool, mut removed: impl FnMut(Removal)) -> Result<(), RetentionError> {
        let too_old = self.options.days.map(|days| Timestamp::now().minus(DAY * days));
        let mut bytes = match self.options.max_bytes {
            Some(_) => self.catalog.landed_bytes().await?,
            None => 0,
        };
        let mut after = None;
        loop {
            let batch = self.catalog.oldest(after.as_ref(), AT_ONCE).await?;
            for aged in &batch {
                let is_old = too_old.is_some_and(|limit| aged.since <= limit);
                let reason = if is_old { Reason::Days } else { Reason::Bytes };
                if !is_old && self.options.max_bytes.is_none_or(|most| bytes <= most) {
                    return Ok(());
                }
                if !aged.held && self.expire(aged, reason, trial).await? {
                    bytes = bytes.saturating_sub(aged.size);
                    removed(Removal { sid: aged.sid, reason, size: aged.size });
                }
            }
            if batch.len() < AT_ONCE {
                return Ok(());
            }
            after = batch.into_iter().next_back();
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Removes one recording, unless it is held or being served: then the next run sees to it.
    async fn expire(&self, aged: &Aged, reason: Reason, trial: bool) -> Result<bool, RetentionError> {
        let (volume, sid) = (self.volume.clone(), aged.sid);
        let Some(claim) = blocking(move || volume.claim(sid)).await? else { return Ok(false) };
        if trial {
            return Ok(true);
        }
        // First the catalog: a file that is left behind is removed by the next start, a state never mends itself.
        let Some((recording, status)) = self.catalog.expire(sid, self.options.delete_at_source).await? else {
            return Ok(false);
        };
        self.signals.send(Signal::Changed(Box::new((recording, status))));
        telemetry::retention_removed(sid, reason.as_str(), aged.size);
        let volume = self.volume.clone();
        blocking(move || {
            let removed = volume.remove(sid);
            drop(claim);
            removed
        })
        .await?;
        Ok(true)
    }

    /// Walks over the whole volume once, for what came while nobody looked: what has landed is noted, so that it ages
    /// and counts, and what was erased or has expired is removed, waveforms without a recording too. What no call is known of
    /// is left alone.
    pub async fn take_stock(&self) -> Result<(), RetentionError> {
        let volume = self.volume.clone();
        let mut listing = blocking(move || volume.list()).await?;
        loop {
            let root = self.volume.root().to_owned();
            let step = blocking(move || listing.step(AT_ONCE).map_err(|error| VolumeError::at(&root, &error)));
            let (rest, sids) = step.await?;
            let Some(sids) = sids else { break };
            listing = rest;
            let rows = self.catalog.find(&sids).await?.into_iter().flatten();
            // By storage name: a file under another name of the recording is not the recording's.
            let rows: HashMap<Sid, _> = rows.map(|row| (row.0.sid, row)).collect();
            for sid in sids {
                let Some((recording, status)) = rows.get(&sid) else { continue };
                if status.is_removed() {
                    let volume = self.volume.clone();
                    blocking(move || volume.remove(sid)).await?;
                } else if !matches!(status.state, State::Ready | State::Gone)
                    && let Some(landed) = self.volume.find_off_thread(sid).await?
                    && let Some(status) = self.catalog.landed(&[(sid, landed.media)]).await?.pop().flatten()
                {
                    self.signals.send(Signal::Changed(Box::new((recording.clone(), status))));
                }
            }
            tokio::time::sleep(BETWEEN).await;
        }
        let volume = self.volume.clone();
        Ok(blocking(move || volume.remove_stray_waveforms()).await?)
    }

    /// Whether anything ever expires.
    pub fn is_bounded(&self) -> bool {
        self.options.days.is_some() || self.options.max_bytes.is_some()
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.sid, self.reason.as_str(), self.size)
    }
}
