//! The use case of who listens while a recording lands: bytes as they come, and the last of them only once all have landed.
//! So a body that is whole is a landed recording, and one that never lands is cut.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Duration, Instant};

use super::{Delivery, DeliveryError, Intent, Opened, Seen, Shelved, Watched};
use crate::audio::HEAD_BYTES;
use crate::range::Validators;
use crate::recording::{self, Media, Progress, Recording, Scope, Sid, State, Status};
use crate::registry::{Event, Inbox, Mailbox, Subscription};
use crate::telemetry;
use crate::volume::{Growing, VolumeError, WINDOW, blocking};

/// Bytes read of a part at a time: so many are held for each who follows.
const PIECE: u64 = 64 * 1024;
/// Between two looks at a part of which nobody tells.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Nothing has come for so long: whoever listens may ask again.
const STALLED: Duration = Duration::from_secs(60);
/// Changes that are kept while a piece is sent; when more come, the state is asked for.
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

/// The latest of some changes: they may come in either order.
pub(super) fn newest(events: &[Arc<Event>]) -> Option<&Event> {
    events.iter().max_by_key(|event| event.status.v).map(|event| &**event)
}

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

    /// Whether all has landed: nothing is waited for any longer.
    pub fn has_landed(&self) -> bool {
        matches!(self.source, Source::File(_))
    }

    /// The first bytes of the range, at least one, as soon as they have come.
    pub async fn next(&mut self, range: Range<u64>) -> Result<Bytes, FollowError> {
        let mut stalled = Instant::now() + STALLED;
        loop {
            // What has come may not be sent any longer when it is gone.
            if let Some(inbox) = self.mailbox.take().now_or_never() {
                self.heed(inbox).await?;
            }
            if let Some(bytes) = self.read(&range).await? {
                return Ok(bytes);
            }
            if Instant::now() >= stalled {
                telemetry::limited("following_stalled");
                return Err(FollowError::Stalled);
            }
            if let Ok(inbox) = tokio::time::timeout(LOOK_EVERY, self.mailbox.take()).await {
                self.heed(inbox).await?;
            }
            if self.look().await? {
                stalled = Instant::now() + STALLED;
            }
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

    async fn heed(&mut self, inbox: Inbox) -> Result<(), FollowError> {
        let state = match newest(&inbox.events) {
            // What did not fit may have been the last word.
            _ if inbox.overflowed => {
                self.delivery.look_at(&self.scope, self.asked).await.map_err(unavailable)?.status.state
            }
            Some(event) => event.status.state,
            None => return Ok(()),
        };
        match (state, &self.source) {
            (State::Failed | State::Gone, _) => return Err(FollowError::Ended(state)),
            (State::Ready, Source::Part(_)) => {}
            _ => return Ok(()),
        }
        match self.delivery.open(&self.scope, self.asked).await.map_err(unavailable)? {
            Opened::File(shelved) if shelved.etag == self.etag => {
                let file = shelved.clone();
                self.goes_on(move |part| part.is_beginning_of(file.bytes.file())).await?;
                self.source = Source::File(shelved);
                Ok(())
            }
            Opened::File(_) => Err(FollowError::Another),
            Opened::Not(seen) => Err(FollowError::Ended(seen.status.state)),
        }
    }

    /// Whether it has come farther: by the same attempt, or by a later one.
    async fn look(&mut self) -> Result<bool, FollowError> {
        let Source::Part(part) = &self.source else { return Ok(false) };
        let Some(now) = self.delivery.growing(self.recording.sid).await.map_err(unavailable)? else { return Ok(false) };
        if now.landed() <= part.landed() || recording::etag(self.recording.sid, &now.media) != self.etag {
            return Ok(false);
        }
        let now = Arc::new(now);
        let next = now.clone();
        self.goes_on(move |part| part.is_beginning_of(next.file())).await?;
        self.source = Source::Part(now);
        Ok(true)
    }

    /// Bytes of two files are put together only where the one begins as the other did.
    async fn goes_on(
        &self,
        same: impl FnOnce(&Growing) -> std::io::Result<bool> + Send + 'static,
    ) -> Result<(), FollowError> {
        let Source::Part(part) = &self.source else { return Ok(()) };
        let part = part.clone();
        match blocking(move || same(&part)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(FollowError::Another),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn unavailable(error: impl fmt::Display) -> FollowError {
    FollowError::Unavailable(error.to_string())
}
