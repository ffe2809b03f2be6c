//! Turns phrases into a call: agent on the left, customer on the right, taking turns; knows the pack, not where phrases come from.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::pack::{Pack, Side};
use super::{FRAME_MS, MP3_FRAME_BYTES, WAV_FRAME_SAMPLES, mulaw, wav};
use crate::random::Random;

/// The container and coding of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// MPEG-2 Layer III, 16 kHz, 32 kbit/s whatever the number of channels: 4 000 bytes a second.
    Mp3,
    /// 16-bit PCM, 8 kHz: 16 000 bytes a second and channel.
    Wav,
}

impl Format {
    /// The media type that Twilio gives it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/x-wav",
        }
    }
}

/// A call that is rendered where it is read, so that thousands of long ones fit in memory.
#[derive(Debug)]
pub struct Audio {
    pack: Arc<Pack>,
    turns: Vec<Turn>,
    frames: u32,
}

/// From `start` (in frames) until the next turn: a phrase by its index, or silence.
#[derive(Clone, Copy, Debug)]
struct Turn {
    start: u32,
    phrase: Option<u32>,
}

impl Audio {
    pub(super) fn compose(pack: Arc<Pack>, seed: u64, seconds: f64) -> Self {
        let frames = ((seconds * 1e3 / f64::from(FRAME_MS)).round() as u32).max(1);
        let mut random = Random::seeded(seed);
        let mut turns = Vec::new();
        let mut at = 0;
        let mut side = Side::Agent;
        let mut last = None;
        while at < frames {
            for _ in 0..random.between(1, 2) {
                let room = frames.saturating_sub(at);
                let Some(phrase) = pick(&pack, side, last, room, turns.is_empty(), &mut random) else {
                    break;
                };
                turns.push(Turn { start: at, phrase: Some(phrase) });
                at = (at + pack.table()[phrase as usize].frames).min(frames);
                last = Some(phrase);
                turns.push(Turn { start: at, phrase: None });
                at += random.between(300, 600) as u32 / FRAME_MS;
            }
            turns.push(Turn { start: at, phrase: None });
            at += random.between(1, 900) as u32 / FRAME_MS + 1;
            side = if side == Side::Agent { Side::Customer } else { Side::Agent };
        }
        turns.retain(|turn| turn.start < frames);
        Self { pack, turns, frames }
    }

    /// How long it plays; MP3 and WAV agree to the frame.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(u64::from(self.frames) * u64::from(FRAME_MS))
    }

    /// The bytes of the whole file. `channels` is 1 or 2; anything above 1 counts as 2.
    pub fn size(&self, format: Format, channels: u8) -> u64 {
        header_bytes(format) as u64 + u64::from(self.frames) * unit(format, channels) as u64
    }

    /// The whole MP3. Rendered at each call: keep it where it is compared often.
    pub fn mp3(&self, channels: u8) -> Bytes {
        self.read(Format::Mp3, channels, 0, usize::MAX)
    }

    /// The whole WAV. Rendered at each call: an hour of two channels is 115 MB.
    pub fn wav(&self, channels: u8) -> Bytes {
        self.read(Format::Wav, channels, 0, usize::MAX)
    }

    /// At most `limit` bytes of the file from `offset`; empty at its end.
    pub fn read(&self, format: Format, channels: u8, offset: u64, limit: usize) -> Bytes {
        let size = self.size(format, channels);
        let end = size.min(offset.saturating_add(limit as u64));
        if offset >= end {
            return Bytes::new();
        }
        let (header, unit) = (header_bytes(format) as u64, unit(format, channels) as u64);
        // Whole frames are rendered and the ends cut off: a frame is small, and so the arithmetic stays in one place.
        let first = offset.saturating_sub(header) / unit;
        let last = end.saturating_sub(header).div_ceil(unit);
        let mut out = Vec::with_capacity((header + (last - first) * unit) as usize);
        let mut out_starts = header + first * unit;
        if offset < header {
            out.extend_from_slice(&wav::header(channel_count(channels), (size - header) as u32));
            out_starts = 0;
        }
        self.render(format, channels > 1, first as u32..last as u32, &mut out);
        Bytes::from(out).slice((offset - out_starts) as usize..(end - out_starts) as usize)
    }

    fn render(&self, format: Format, stereo: bool, frames: std::ops::Range<u32>, out: &mut Vec<u8>) {
        let mut turn = self.turns.partition_point(|turn| turn.start <= frames.start).saturating_sub(1);
        for frame in frames {
            while self.turns.get(turn + 1).is_some_and(|next| next.start <= frame) {
                turn += 1;
            }
            let current = self.turns[turn];
            let phrase = current.phrase.map(|index| (&self.pack.table()[index as usize], frame - current.start));
            match (format, phrase) {
                (Format::Mp3, phrase) => out.extend_from_slice(self.pack.mp3(phrase, stereo)),
                (Format::Wav, None) => out.resize(out.len() + unit(format, 1 + u8::from(stereo)), 0),
                (Format::Wav, Some((phrase, at))) => {
                    for byte in self.pack.samples(phrase, at) {
                        let sample = mulaw::DECODED[usize::from(*byte)].to_le_bytes();
                        match (stereo, phrase.side) {
                            (false, _) => out.extend_from_slice(&sample),
                            (true, Side::Agent) => out.extend_from_slice(&[sample[0], sample[1], 0, 0]),
                            (true, Side::Customer) => out.extend_from_slice(&[0, 0, sample[0], sample[1]]),
                        }
                    }
                }
            }
        }
    }
}

/// A phrase of `side` that fits in `room` frames, not the one just said; the first of a call may be cut, so that no call is silent.
fn pick(pack: &Pack, side: Side, last: Option<u32>, room: u32, first: bool, random: &mut Random) -> Option<u32> {
    let all: Vec<u32> =
        (0u32..).zip(pack.table()).filter(|(_, phrase)| phrase.side == side).map(|(index, _)| index).collect();
    let fits = |index: &u32| pack.table()[*index as usize].frames <= room;
    let fitting: Vec<u32> = all.iter().copied().filter(fits).collect();
    let fresh: Vec<u32> = fitting.iter().copied().filter(|index| Some(*index) != last).collect();
    let candidates = match (fresh.is_empty(), fitting.is_empty(), first) {
        (false, _, _) => fresh,
        (true, false, _) => fitting,
        (true, true, true) => all,
        (true, true, false) => return None,
    };
    Some(candidates[random.below(candidates.len() as u64) as usize])
}

fn channel_count(channels: u8) -> u16 {
    if channels > 1 { 2 } else { 1 }
}

fn header_bytes(format: Format) -> usize {
    if format == Format::Wav { wav::HEADER_BYTES } else { 0 }
}

/// Bytes of one frame.
fn unit(format: Format, channels: u8) -> usize {
    match format {
        Format::Mp3 => MP3_FRAME_BYTES,
        Format::Wav => WAV_FRAME_SAMPLES * 2 * usize::from(channel_count(channels)),
    }
}
