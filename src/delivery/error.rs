//! Why a use case of a listener ended without an answer, and what listeners are told of it.

use std::fmt;

use crate::catalog::CatalogError;
use crate::jobs::QueueError;
use crate::recording::Code;
use crate::volume::VolumeError;

/// Why a recording could not be looked after. Whether it failed or is gone is a state, not an error.
#[derive(Debug)]
pub enum DeliveryError {
    /// There is none of that name in the caller's scope.
    Unknown,
    /// The volume does not answer.
    Volume(VolumeError),
    /// The catalog does not answer.
    Catalog(CatalogError),
    /// The queue does not answer.
    Queue(QueueError),
}

impl DeliveryError {
    /// What listeners are told; `None` for a recording that does not exist.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Unknown => None,
            Self::Volume(VolumeError::Full) => Some(Code::DiskFull),
            Self::Volume(VolumeError::Elsewhere) => Some(Code::VolumeMismatch),
            Self::Volume(VolumeError::Unavailable(_)) => Some(Code::VolumeUnavailable),
            Self::Catalog(_) => Some(Code::CatalogUnavailable),
            Self::Queue(_) => Some(Code::QueueUnavailable),
        }
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such recording"),
            Self::Volume(error) => error.fmt(f),
            Self::Catalog(error) => error.fmt(f),
            Self::Queue(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DeliveryError {}

impl From<VolumeError> for DeliveryError {
    fn from(error: VolumeError) -> Self {
        Self::Volume(error)
    }
}

impl From<CatalogError> for DeliveryError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

impl From<QueueError> for DeliveryError {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}
