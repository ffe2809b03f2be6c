//! The use case of who listens while a recording lands: bytes as they come, and the last of them only once all have landed.
//! So a body that is whole is a landed recording, and one that never lands is cut.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Duration, Instant};

use super::{Delivery, DeliveryError, Intent, Opened, Seen, Shelved, Watched};
use crate::audio::HEAD_BYTES;
use crate::range::Validators;
use crate::recording::{self, Media, Progress, Recording, Scope, Sid, State, Status};
use crate::registry::{Mailbox, Subscription};
use crate::telemetry;
use crate::volume::{Growing, VolumeError, WINDOW, blocking};

/// Bytes read of a part at a time.
const PIECE: u64 = 256 * 1024;
/// Between two looks at a part of which nobody tells.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Nothing has come for so long: whoever listens may ask again.
const STALLED: Duration = Duration::from_secs(60);
/// Changes that are kept while a piece is sent; of those that do not fit, the last still stands in the map.
const MOST_CHANGES: u32 = 16;

/// A recording that is sent while it lands.
pub struct Following {
    /// What is known of it.
    pub recording: Arc<Recording>,
    /// What it is going to be.
    pub media: Media,
    etag: String,
    delivery: Delivery,
    scope: Scope,
    asked: Sid,
    source: Source,
    mailbox: Arc<Mailbox>,
    _subscription: Subscription,
}

/// Where the next bytes are.
enum Source {
    Part(Arc<Growing>),
    File(Arc<Shelved>),
}

/// Why no more bytes come.
#[derive(Debug)]
pub enum FollowError {
    /// It failed, or is gone.
    Ended(State),
    /// Something else landed than what was begun.
    Another,
    /// The source, or the worker, is silent.
    Stalled,
    /// The volume does not answer, or whoever knows whether it may still be sent.
    Unavailable(String),
}

impl fmt::Display for FollowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(state) => write!(f, "the recording is {} now", state.as_str()),
            Self::Another => f.write_str("another file landed"),
            Self::Stalled => f.write_str("nothing has come for a minute"),
            Self::Unavailable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for FollowError {}

/// Whether enough has come of a recording to tell its shape.
pub(super) fn can_be_followed(status: &Status) -> bool {
    let has_header = |Progress { received, total }| total.is_some_and(|total| received >= total.min(HEAD_BYTES as u64));
    status.state == State::Downloading && status.progress.is_some_and(has_header)
}

impl Delivery {
    /// A recording that is on its way and whose shape can be told already; `None` for any other.
    pub async fn follow(&self, scope: &Scope, sid: Sid) -> Result<Option<Following>, DeliveryError> {
        let mailbox = Mailbox::new(MOST_CHANGES);
        let watched = self.watch(scope, &[sid], Intent::Watch, &mailbox).await.pop();
        let Watched { seen, subscription } = watched.unwrap_or(Err(DeliveryError::Unknown))?;
        let Seen { recording, status } = seen;
        if status.state != State::Downloading {
            return Ok(None);
        }
        let Some(part) = self.growing(recording.sid).await? else { return Ok(None) };
        Ok(Some(Following {
            media: part.media,
            etag: recording::etag(recording.sid, &part.media),
            recording,
            delivery: self.clone(),
            scope: scope.clone(),
            asked: sid,
            source: Source::Part(part.into()),
            mailbox,
            _subscription: subscription,
        }))
    }

    async fn growing(&self, sid: Sid) -> Result<Option<Growing>, VolumeError> {
        let volume = self.0.volume.clone();
        blocking(move || volume.growing(sid)).await
    }
}

impl Following {
    /// What conditional requests are held against: the same tag as once it has landed. When that will be, nobody knows.
    pub fn validators(&self) -> Validators<'_> {
        Validators { etag: &self.etag, modified: None }
    }

    /// The first bytes of the range, at least one, as soon as they have come.
    pub async fn next(&mut self, range: Range<u64>) -> Result<Bytes, FollowError> {
        let stalled = Instant::now() + STALLED;
        loop {
            if let Some(bytes) = self.read(&range).await? {
                return Ok(bytes);
            }
            if Instant::now() >= stalled {
                telemetry::limited("following_stalled");
                return Err(FollowError::Stalled);
            }
            if let Ok(inbox) = tokio::time::timeout(LOOK_EVERY, self.mailbox.take()).await
                && let Some(event) = inbox.events.last()
            {
                self.heed(event.status.state).await?;
            }
            self.look().await?;
        }
    }

    /// What there is of the range.
    async fn read(&self, range: &Range<u64>) -> Result<Option<Bytes>, FollowError> {
        let (part, at) = match &self.source {
            Source::File(shelved) => {
                let (shelved, window) = (shelved.clone(), range.start..range.end.min(range.start + WINDOW));
                let read = blocking(move || shelved.bytes.warm(&window).map(|()| shelved.bytes.slice(window)));
                return read.await.map(Some).map_err(unavailable);
            }
            Source::Part(part) => (part.clone(), range.start),
        };
        // All but the last: nobody takes for whole what does not land.
        let end = range.end.min(part.landed().min(self.media.size - 1));
        if at >= end {
            return Ok(None);
        }
        blocking(move || part.read(at, PIECE.min(end - at))).await.map(Some).map_err(unavailable)
    }

    async fn heed(&mut self, state: State) -> Result<(), FollowError> {
        match state {
            State::Unknown | State::Queued | State::Downloading => return Ok(()),
            State::Failed | State::Gone => return Err(FollowError::Ended(state)),
            State::Ready => {}
        }
        match self.delivery.open(&self.scope, self.asked).await.map_err(unavailable)? {
            Opened::File(shelved) if shelved.etag == self.etag => self.source = Source::File(shelved),
            Opened::File(_) => return Err(FollowError::Another),
            Opened::Not(seen) => return Err(FollowError::Ended(seen.status.state)),
        }
        Ok(())
    }

    /// How far it has come: by the same attempt, or by a later one.
    async fn look(&mut self) -> Result<(), FollowError> {
        let Source::Part(part) = &self.source else { return Ok(()) };
        let Some(now) = self.delivery.growing(self.recording.sid).await.map_err(unavailable)? else { return Ok(()) };
        if now.landed() > part.landed() && recording::etag(self.recording.sid, &now.media) == self.etag {
            self.source = Source::Part(now.into());
        }
        Ok(())
    }
}

fn unavailable(error: impl fmt::Display) -> FollowError {
    FollowError::Unavailable(error.to_string())
}
