//! Reads the headers of MP3 and WAV files, and draws their sound; knows bytes only, neither files nor names.

mod mp3;
pub mod peaks;
mod wav;

use std::fmt;

use crate::recording::{Container, Media};

/// How many leading bytes of a file are enough for [`probe`], unless a larger ID3 tag stands first.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Why a file is no whole recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAudio {
    /// No bytes at all.
    Empty,
    /// Neither MP3 nor WAV.
    Unrecognised,
    /// The header announces more bytes than there are.
    Truncated,
}

impl fmt::Display for NotAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the file is empty",
            Self::Unrecognised => "the file is neither MP3 nor WAV",
            Self::Truncated => "the file is shorter than its header says",
        })
    }
}

impl std::error::Error for NotAudio {}

/// What a file is, from its first bytes (see [`HEAD_BYTES`]) and its whole length.
pub fn probe(head: &[u8], size: u64) -> Result<Media, NotAudio> {
    if size == 0 || head.is_empty() {
        return Err(NotAudio::Empty);
    }
    if head.starts_with(b"RIFF") { wav::probe(head, size) } else { mp3::probe(head, size) }
}

/// Playing time of `count` samples at `rate` per second, rounded to the nearest millisecond.
fn milliseconds(count: u64, rate: u32) -> u64 {
    let rate = u64::from(rate.max(1));
    (count.saturating_mul(1000) + rate / 2) / rate
}

/// A media value; the parsers differ only in how they find these numbers.
fn media(container: Container, size: u64, channels: u8, duration_ms: u64) -> Media {
    Media { container, size, channels, duration_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(head in proptest::collection::vec(any::<u8>(), 0..4096), size in any::<u64>()) {
            let _ = probe(&head, size);
        }

        #[test]
        fn a_riff_header_with_any_tail_gives_an_answer(tail in proptest::collection::vec(any::<u8>(), 0..256), size in any::<u64>()) {
            let mut head = b"RIFF\x24\0\0\0WAVEfmt ".to_vec();
            head.extend(tail);
            let _ = probe(&head, size);
        }
    }

    #[test]
    fn pages_and_empty_files_are_no_recordings() {
        assert_eq!(probe(b"", 0), Err(NotAudio::Empty));
        assert_eq!(probe(b"<!DOCTYPE html><html>", 21), Err(NotAudio::Unrecognised));
        assert_eq!(probe(br#"{"status":"processing"}"#, 23), Err(NotAudio::Unrecognised));
    }
}
