//! The known content of a recording, against which every byte that comes is held; knows not how bytes travel.

use std::sync::Arc;

use bytes::Bytes;

use crate::speech::{Audio, Format};

/// Channels that the server asks of the provider by default.
const CHANNELS: u8 = 2;

/// What a recording must consist of.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Generated speech, rendered piece by piece when it is compared: a thousand long calls cost no memory.
    Speech(Arc<Audio>),
    /// As it was downloaded once.
    Bytes(Bytes),
}

impl Content {
    /// Bytes of the whole.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Speech(audio) => audio.size(Format::Mp3, CHANNELS),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Whether `part` stands at `offset`.
    pub(super) fn holds(&self, offset: u64, part: &[u8]) -> bool {
        match self {
            Self::Speech(audio) => audio.read(Format::Mp3, CHANNELS, offset, part.len()) == part,
            Self::Bytes(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                bytes.get(from..from.saturating_add(part.len())) == Some(part)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::Speech;

    #[test]
    fn one_wrong_byte_is_seen_wherever_the_part_begins() {
        let audio = Speech::shipped().call(7, 3.0);
        let whole = audio.mp3(CHANNELS);
        for content in [Content::Speech(audio), Content::Bytes(whole.clone())] {
            assert_eq!(content.size(), whole.len() as u64);
            assert!(content.holds(1001, &whole[1001..5000]));
            let mut wrong = whole[1001..5000].to_vec();
            wrong[77] ^= 1;
            assert!(!content.holds(1001, &wrong));
            assert!(!content.holds(whole.len() as u64 - 1, &whole[..2]), "past the end");
        }
    }
}
