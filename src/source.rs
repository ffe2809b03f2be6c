//! The port to where recordings come from. Knows neither the volume nor who listens.

pub mod twilio;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::time::Duration;

use crate::recording::{Code, Sid, Timestamp};

pub use twilio::egress::Redirects;
pub use twilio::{Account, TwilioOptions, TwilioSource};

/// Why the source gave no recording.
#[derive(Debug)]
pub enum SourceError {
    /// There will never be one: `absent` or `deleted_at_source`.
    Gone(Code),
    /// It is being made.
    NotYet,
    /// The resource is there, or may be, but its media is not: usual for seconds after a callback, and for good
    /// after a deletion.
    NotFound {
        /// When it said so, by its own clock: ours may be hours off.
        at: Timestamp,
    },
    /// Our credentials are refused, or there are none for the account.
    Unauthorized(String),
    /// Too many requests at once; nothing was processed.
    Busy {
        /// How long the source asks us to wait.
        retry_after: Option<Duration>,
    },
    /// It leads where we do not connect to; an operator must allow that first.
    Refused(String),
    /// Anything else: 5xx, broken connections, bodies that are no recording.
    Failed(String),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(code) => write!(f, "the source says it is gone: {}", code.as_str()),
            Self::NotYet => f.write_str("the source has not finished it"),
            Self::NotFound { .. } => f.write_str("the source answers 404"),
            Self::Unauthorized(why) | Self::Refused(why) | Self::Failed(why) => f.write_str(why),
            Self::Busy { .. } => f.write_str("the source is busy (429)"),
        }
    }
}

impl std::error::Error for SourceError {}

/// A recording's bytes on their way.
pub struct Download {
    /// How many there will be, when the source has said so.
    pub total: Option<u64>,
    /// In order, from the first.
    pub body: BoxStream<'static, Result<Bytes, SourceError>>,
}

/// What the product needs of a provider. No method retries; that is the caller's decision.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The call's first completed recording.
    async fn find(&self, account_sid: &str, call_sid: Sid) -> Result<Sid, SourceError>;

    /// Opens a recording's media.
    async fn open(&self, account_sid: &str, recording_sid: Sid) -> Result<Download, SourceError>;

    /// Deletes a recording, or all recordings of a call, for good. What is not there is deleted.
    async fn delete(&self, account_sid: &str, sid: Sid) -> Result<(), SourceError>;
}
