//! The file of phrases: µ-law samples beside MP3 frames that were encoded once; knows nothing of how they become a call.
//!
//! Layout, little-endian: `LFSPEAK1`, `u32` phrases, one MP3 frame of mono silence, one of stereo silence; for each phrase `u32` frames
//! and `u32` side (0 agent, 1 customer); then for each phrase its µ-law samples, its mono frames and its stereo frames.

use std::ops::Range;

use bytes::Bytes;

use super::{MP3_FRAME_BYTES, WAV_FRAME_SAMPLES};

pub(super) const MAGIC: &[u8; 8] = b"LFSPEAK1";
const TABLE: usize = MAGIC.len() + 4 + 2 * MP3_FRAME_BYTES;

/// Who speaks a phrase, and thereby on which channel of a dual recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The left channel.
    Agent,
    /// The right channel.
    Customer,
}

/// Why a file is no pack.
#[derive(Debug)]
pub enum PackError {
    /// The file cannot be read.
    Io(std::io::Error),
    /// The contents are not a pack's; the text says where it stops making sense.
    Malformed(&'static str),
}

/// Phrases with their encodings, read in place.
pub struct Pack {
    bytes: Bytes,
    phrases: Vec<Phrase>,
}

/// Where a phrase lies in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phrase {
    pub(super) side: Side,
    pub(super) frames: u32,
    at: usize,
}

impl Pack {
    /// Reads the table of a pack; the audio stays where it is.
    ///
    /// # Errors
    /// [`PackError::Malformed`] when sizes do not add up, or when one of the sides has nothing to say.
    pub fn parse(bytes: Bytes) -> Result<Self, PackError> {
        let word = |at: usize| -> Result<u32, PackError> {
            let word = bytes.get(at..at + 4).ok_or(PackError::Malformed("the table is cut short"))?;
            Ok(u32::from_le_bytes(word.try_into().expect("four bytes")))
        };
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(PackError::Malformed("it does not begin with LFSPEAK1"));
        }
        let count = word(MAGIC.len())? as usize;
        let mut at = TABLE + count.saturating_mul(8);
        let mut phrases = Vec::new();
        for entry in (0..count).map(|index| TABLE + index * 8) {
            let frames = word(entry)?;
            let side = if word(entry + 4)? == 0 { Side::Agent } else { Side::Customer };
            phrases.push(Phrase { side, frames, at });
            at += frames as usize * (WAV_FRAME_SAMPLES + 2 * MP3_FRAME_BYTES);
        }
        if at != bytes.len() {
            return Err(PackError::Malformed("its length is not what the table says"));
        }
        for side in [Side::Agent, Side::Customer] {
            if !phrases.iter().any(|phrase| phrase.side == side && phrase.frames > 0) {
                return Err(PackError::Malformed("one of the sides has no phrases"));
            }
        }
        Ok(Self { bytes, phrases })
    }

    /// Seconds of speech of one side, pauses not counted.
    pub fn seconds(&self, side: Side) -> f64 {
        let frames: u32 = self.phrases.iter().filter(|phrase| phrase.side == side).map(|phrase| phrase.frames).sum();
        f64::from(frames) * f64::from(super::FRAME_MS) / 1e3
    }

    /// How many phrases one side has.
    pub fn phrases(&self, side: Side) -> usize {
        self.phrases.iter().filter(|phrase| phrase.side == side).count()
    }

    pub(super) fn table(&self) -> &[Phrase] {
        &self.phrases
    }

    /// One frame's worth of µ-law samples of a phrase.
    pub(super) fn samples(&self, phrase: &Phrase, frame: u32) -> &[u8] {
        &self.bytes[span(phrase.at, frame, WAV_FRAME_SAMPLES)]
    }

    /// One MP3 frame of a phrase, or of silence.
    pub(super) fn mp3(&self, phrase: Option<(&Phrase, u32)>, stereo: bool) -> &[u8] {
        let Some((phrase, frame)) = phrase else {
            return &self.bytes[span(MAGIC.len() + 4, u32::from(stereo), MP3_FRAME_BYTES)];
        };
        let variant = WAV_FRAME_SAMPLES + if stereo { MP3_FRAME_BYTES } else { 0 };
        &self.bytes[span(phrase.at + phrase.frames as usize * variant, frame, MP3_FRAME_BYTES)]
    }
}

fn span(base: usize, index: u32, unit: usize) -> Range<usize> {
    let start = base + index as usize * unit;
    start..start + unit
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pack").field("phrases", &self.phrases.len()).field("bytes", &self.bytes.len()).finish()
    }
}

impl std::fmt::Display for PackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the phrase pack cannot be read: {error}"),
            Self::Malformed(what) => write!(f, "this is no phrase pack: {what}"),
        }
    }
}

impl std::error::Error for PackError {}

impl From<std::io::Error> for PackError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
