//! Why a try ended without a recording, and what listeners are told of it.

use crate::catalog::CatalogError;
use crate::recording::Code;
use crate::source::SourceError;
use crate::volume::{LandingError, VolumeError};

/// Why a try ended without a recording.
#[derive(Debug)]
pub(super) enum FetchError {
    Source(SourceError),
    Landing(LandingError),
    Catalog(CatalogError),
    /// Its worker has died over it again and again.
    Deadly,
}

impl From<SourceError> for FetchError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<LandingError> for FetchError {
    fn from(error: LandingError) -> Self {
        Self::Landing(error)
    }
}

impl From<CatalogError> for FetchError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

impl std::fmt::Display for FetchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Landing(error) => error.fmt(f),
            Self::Catalog(error) => error.fmt(f),
            Self::Deadly => f.write_str("each worker that had it in hand has died"),
        }
    }
}

impl FetchError {
    /// The reason as listeners are told it.
    pub fn code(&self) -> Code {
        match self {
            Self::Source(SourceError::Gone(code)) => *code,
            Self::Source(SourceError::NotYet | SourceError::NotFound { .. }) => Code::NotYetAtSource,
            Self::Source(SourceError::Unauthorized(_)) => Code::SourceUnauthorized,
            Self::Source(SourceError::Busy { .. }) => Code::SourceBusy,
            Self::Source(SourceError::Refused(_) | SourceError::Failed(_)) | Self::Deadly => Code::SourceFailed,
            Self::Landing(LandingError::WrongLength { .. } | LandingError::NotAudio(_)) => Code::SourceFailed,
            Self::Landing(LandingError::Volume(VolumeError::Full)) => Code::DiskFull,
            Self::Landing(LandingError::Volume(VolumeError::Elsewhere)) => Code::VolumeMismatch,
            Self::Landing(LandingError::Volume(VolumeError::Unavailable(_))) => Code::VolumeUnavailable,
            Self::Catalog(_) => Code::CatalogUnavailable,
        }
    }
}
