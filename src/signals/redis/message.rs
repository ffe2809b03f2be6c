//! What processes say to each other. Processes of two versions talk while one replaces the other: what is unknown here
//! is ignored, and whoever misses it finds out by looking.

use serde::{Deserialize, Serialize};

use crate::recording::{Code, Container, Media, Progress, Sid};
use crate::signals::Signal;

/// Longer ones are none of ours.
const MOST_BYTES: usize = 4096;

#[derive(Deserialize, Serialize)]
struct Signed<M> {
    from: String,
    #[serde(flatten)]
    message: M,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message {
    Landed { sid: String, media: Option<Shape> },
    Changed { sid: String },
    GivenUp { sid: String, code: String },
    Progress { sid: String, received: u64, total: Option<u64> },
}

#[derive(Deserialize, Serialize)]
pub(super) struct Shape {
    container: String,
    size: u64,
    channels: u8,
    duration_ms: u64,
}

/// It is no message of ours.
#[derive(Debug)]
pub(super) struct Malformed;

impl Message {
    /// What is said of a signal; nothing of what others have said.
    pub fn of(signal: &Signal) -> Option<Self> {
        let text = Sid::to_string;
        Some(match signal {
            Signal::Landed(sid, media) => Self::Landed { sid: text(sid), media: media.map(Shape::from) },
            Signal::Changed(row) => Self::Changed { sid: text(&row.0.sid) },
            Signal::GivenUp(sid, code) => Self::GivenUp { sid: text(sid), code: code.as_str().into() },
            Signal::Progress(sid, Progress { received, total }) => {
                Self::Progress { sid: text(sid), received: *received, total: *total }
            }
            Signal::LandedElsewhere(..) | Signal::ChangedElsewhere(_) => return None,
        })
    }

    /// As it is sent, signed with the sender's name.
    pub fn text(self, from: &str) -> String {
        // Text and numbers alone: it cannot fail.
        serde_json::to_string(&Signed { from: from.into(), message: self }).unwrap_or_default()
    }

    /// What it means here; nothing where it is our own.
    pub fn read(text: &[u8], own: &str) -> Result<Option<Signal>, Malformed> {
        if text.len() > MOST_BYTES {
            return Err(Malformed);
        }
        let Signed { from, message } = serde_json::from_slice::<Signed<Self>>(text).map_err(|_| Malformed)?;
        if from == own {
            return Ok(None);
        }
        let sid = |text: &str| text.parse::<Sid>().map_err(|_| Malformed);
        Ok(Some(match message {
            Self::Landed { sid: name, media } => {
                Signal::LandedElsewhere(sid(&name)?, media.map(Media::try_from).transpose()?)
            }
            Self::Changed { sid: name } => Signal::ChangedElsewhere(sid(&name)?),
            Self::GivenUp { sid: name, code } => Signal::GivenUp(sid(&name)?, Code::parse(&code).ok_or(Malformed)?),
            Self::Progress { sid: name, received, total } => {
                Signal::Progress(sid(&name)?, Progress { received, total })
            }
        }))
    }
}

impl From<Media> for Shape {
    fn from(media: Media) -> Self {
        let Media { container, size, channels, duration_ms } = media;
        Self { container: container.extension().into(), size, channels, duration_ms }
    }
}

impl TryFrom<Shape> for Media {
    type Error = Malformed;

    fn try_from(shape: Shape) -> Result<Self, Malformed> {
        let Shape { container, size, channels, duration_ms } = shape;
        let container = Container::parse(&container).ok_or(Malformed)?;
        Ok(Self { container, size, channels, duration_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: Media = Media { container: Container::Wav, size: 1000, channels: 2, duration_ms: 250 };

    fn sid() -> Sid {
        format!("CA{:032x}", 1).parse().unwrap()
    }

    fn heard(signal: &Signal) -> Option<Signal> {
        let text = Message::of(signal).unwrap().text("worker");
        assert!(matches!(Message::read(text.as_bytes(), "worker"), Ok(None)), "nobody hears himself");
        Message::read(text.as_bytes(), "server").unwrap()
    }

    #[test]
    fn what_one_process_says_another_understands() {
        let landed = heard(&Signal::Landed(sid(), Some(MEDIA)));
        assert!(matches!(landed, Some(Signal::LandedElsewhere(at, Some(MEDIA))) if at == sid()));
        let given_up = heard(&Signal::GivenUp(sid(), Code::DiskFull));
        assert!(matches!(given_up, Some(Signal::GivenUp(_, Code::DiskFull))));
        let progress = heard(&Signal::Progress(sid(), Progress { received: 7, total: None }));
        assert!(matches!(progress, Some(Signal::Progress(_, Progress { received: 7, total: None }))));
    }

    #[test]
    fn what_was_heard_is_not_said_again() {
        assert!(Message::of(&Signal::LandedElsewhere(sid(), None)).is_none());
        assert!(Message::of(&Signal::ChangedElsewhere(sid())).is_none());
    }

    #[test]
    fn nonsense_is_malformed_and_nothing_else() {
        let long = format!(r#"{{"from":"x","type":"changed","sid":"{}"}}"#, "1".repeat(MOST_BYTES));
        let nonsense =
            ["", "ready", "{}", r#"{"from":"x","type":"dance"}"#, r#"{"from":"x","type":"changed","sid":"1"}"#, &long];
        for text in nonsense {
            assert!(Message::read(text.as_bytes(), "server").is_err(), "{text}");
        }
    }
}
