//! What a recording is called and what can become of it; knows no disk, no network and no protocol.

mod code;
mod media;
mod shared;
mod sid;
mod time;

use std::fmt;
use std::sync::Arc;

pub use code::Code;
pub use media::{Container, Media};
pub use shared::shared;
pub use sid::{BadSid, Sid};
pub use time::Timestamp;

/// Whom a call belongs to (`business_id` in many existing systems): an opaque, non-empty text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// A tenant of that name; `None` when it is empty or longer than 128 bytes.
    pub fn new(name: &str) -> Option<Self> {
        (!name.is_empty() && name.len() <= 128).then(|| Self(shared(name)))
    }

    /// The name as it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose recordings a caller may see. Every lookup takes one, so that none can forget it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one tenant; all others do not exist.
    Tenant(Tenant),
    /// Those of every tenant: the service role and the server itself.
    Every,
}

impl Scope {
    /// Whether what belongs to `tenant` exists in this scope.
    pub fn covers(&self, tenant: &Tenant) -> bool {
        match self {
            Self::Tenant(own) => own == tenant,
            Self::Every => true,
        }
    }
}

/// What is known of a recording apart from its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The name it is stored under: the call's SID for a primary recording, else its own.
    pub sid: Sid,
    /// The call it belongs to.
    pub call_sid: Sid,
    /// The provider's name for it; unknown until a callback or a play tells.
    pub recording_sid: Option<Sid>,
    /// The provider's account it was made in.
    pub account_sid: Arc<str>,
    /// Whose it is.
    pub tenant: Tenant,
    /// What people know about the call.
    pub about: About,
}

impl Recording {
    /// Every name a listener may ask for it by: at most two.
    pub fn names(&self) -> impl Iterator<Item = Sid> {
        let second = self.recording_sid.filter(|name| *name != self.sid);
        std::iter::once(self.sid).chain(second)
    }
}

/// What people know about a call; none of it is needed to play it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// When the call began.
    pub started_at: Option<Timestamp>,
    /// Its length in seconds, as the provider told it.
    pub duration_s: Option<u32>,
    /// The caller, as text: numbers, SIP addresses, names.
    pub from: Option<Box<str>>,
    /// The called party.
    pub to: Option<Box<str>>,
    /// `inbound`, `outbound` or whatever the back end calls it.
    pub direction: Option<Box<str>>,
    /// A title for lists and file names.
    pub title: Option<Box<str>>,
}

/// The states of a recording, in the order it passes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Registered; nobody has asked for it.
    Unknown,
    /// A job exists; between two tries too.
    Queued,
    /// A worker is at it.
    Downloading,
    /// Landed.
    Ready,
    /// The last try failed; the next play starts again.
    Failed,
    /// Never to be heard again.
    Gone,
}

impl State {
    /// Every state there is.
    pub const ALL: [Self; 6] = [Self::Unknown, Self::Queued, Self::Downloading, Self::Ready, Self::Failed, Self::Gone];

    /// Its name on the wire and in the catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Queued => "queued",
            Self::Downloading => "downloading",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Gone => "gone",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether a wait for this recording is over.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::Gone)
    }

    /// Whether a job must be alive for it.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::Downloading)
    }
}

/// How far a download has come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes written so far.
    pub received: u64,
    /// Bytes there will be, when the source has said so.
    pub total: Option<u64>,
}

/// A recording's state at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Grows by one with each change of state, within one epoch.
    pub v: u64,
    /// The state itself.
    pub state: State,
    /// Why it failed, is gone, or is being tried again.
    pub code: Option<Code>,
    /// When the next try begins, between two tries.
    pub retry_at: Option<Timestamp>,
    /// How far a download has come.
    pub progress: Option<Progress>,
    /// What landed.
    pub media: Option<Media>,
}

impl Status {
    /// Whether it failed only because it lands where nobody looks: its job stays, and it becomes ready when the mount is
    /// mended.
    pub fn awaits_mount(&self) -> bool {
        self.state == State::Failed && self.code == Some(Code::VolumeMismatch)
    }

    /// Whether it was erased, for good.
    pub fn is_erased(&self) -> bool {
        self.state == State::Gone && self.code == Some(Code::Erased)
    }

    /// Whether no file of it may lie in the volume: it was erased, or has expired.
    pub fn is_removed(&self) -> bool {
        self.state == State::Gone && matches!(self.code, Some(Code::Erased | Code::Expired))
    }

    /// The first status of a registered recording.
    pub const fn unknown() -> Self {
        Self { v: 1, state: State::Unknown, code: None, retry_at: None, progress: None, media: None }
    }
}

/// The strong validator of a landed recording (RFC 9110 §8.8.3), quotes included.
///
/// A provider's recording never changes, so its name and shape identify its bytes; neither the content nor a
/// modification time is needed, and the tag is the same on every machine, after every restart, and while the bytes
/// are still landing.
pub fn etag(sid: Sid, media: &Media) -> String {
    // Listeners wait for it: no format, which is a lot of code to fetch.
    let digits = media.size.checked_ilog2().unwrap_or(0) / 4;
    let size = (0..=digits).rev().map(|n| char::from(b"0123456789abcdef"[(media.size >> (4 * n)) as usize & 0xf]));
    let mut channels = itoa::Buffer::new();
    let mut tag = String::with_capacity(64);
    for part in ["\"", sid.as_str(), ".", media.container.extension(), ".", channels.format(media.channels), "."] {
        tag.push_str(part);
    }
    tag.extend(size);
    tag.push('"');
    tag
}

/// The file name a listener's download gets.
pub fn download_name(asked: Sid, container: Container) -> String {
    format!("recording_{asked}.{}", container.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_names_a_recording_and_its_shape() {
        let sid: Sid = "CA0123456789abcdef0123456789abcdef".parse().unwrap();
        for (size, hex) in [(0, "0"), (9, "9"), (16, "10"), (2_097_216, "200040"), (u64::MAX, "ffffffffffffffff")] {
            for (channels, container, extension) in [(1, Container::Mp3, "mp3"), (2, Container::Wav, "wav")] {
                let media = Media { container, size, channels, duration_ms: 1 };
                assert_eq!(etag(sid, &media), format!("\"{sid}.{extension}.{channels}.{hex}\""));
            }
        }
    }
}
