//! The port between those who land and those who tell listeners. A signal is a hint: losing one costs a sweep
//! interval, never a listener.

mod local;
mod redis;
mod watch;

use crate::recording::{Code, Media, Progress, Recording, Sid, Status};

pub use self::redis::{Publisher, RedisSignals, Resumed, listen};
pub use local::LocalSignals;
pub use watch::{Noticed, watch};

/// Something that somebody should look at.
#[derive(Clone, Debug)]
pub enum Signal {
    /// A file has its final name; with its shape, when the sender has just verified it.
    Landed(Sid, Option<Media>),
    /// The catalog has a new status.
    Changed(Box<(Recording, Status)>),
    /// A download was given up, and the catalog does not answer.
    GivenUp(Sid, Code),
    /// A download has come on.
    Progress(Sid, Progress),
    /// Another process has told of a landing, and sees to it that the catalog notes it.
    LandedElsewhere(Sid, Option<Media>),
    /// Another process has told that the catalog has a new status.
    ChangedElsewhere(Sid),
}

/// Where workers put signals. Never blocks and never fails: what cannot be sent is found by the sweep.
pub trait Signals: Send + Sync + 'static {
    /// Sends to every server, this one included.
    fn send(&self, signal: Signal);
}
