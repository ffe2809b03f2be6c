//! MPEG audio: the frame header, and the Xing/Info frame that encoders put first.

use super::{NotAudio, media, milliseconds};
use crate::recording::{Container, Media};

pub(super) fn probe(head: &[u8], size: u64) -> Result<Media, NotAudio> {
    let start = id3_length(head);
    if start as u64 >= size {
        return Err(NotAudio::Truncated);
    }
    if start >= head.len() {
        return Err(NotAudio::Unrecognised);
    }
    let frame = Frame::read(&head[start..]).ok_or(NotAudio::Unrecognised)?;
    // One frame header is 11 set bits: text can look like it. A second one in its place cannot be chance.
    let next = start + frame.length;
    let followed = head.get(next..).is_none_or(|rest| rest.len() < 4 || Frame::read(rest).is_some());
    if !followed || (next as u64) > size {
        return Err(if followed { NotAudio::Truncated } else { NotAudio::Unrecognised });
    }
    let audio = size - start as u64;
    let duration = match frame.xing(&head[start..]) {
        Some(Xing { frames, bytes }) => {
            if bytes.is_some_and(|announced| u64::from(announced) > audio) {
                return Err(NotAudio::Truncated);
            }
            milliseconds(u64::from(frames) * u64::from(frame.samples), frame.rate)
        }
        // Without it, as from Twilio, the bit rate is constant.
        None => audio.saturating_mul(8) / u64::from(frame.kbps.max(1)),
    };
    Ok(media(Container::Mp3, size, frame.channels, duration))
}

/// Length of a leading ID3v2 tag, header included; 0 without one.
pub(super) fn id3_length(head: &[u8]) -> usize {
    match head {
        [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] => {
            let body = [a, b, c, d].iter().fold(0, |sum, byte| (sum << 7) | (**byte as usize & 0x7f));
            let footer = if flags & 0x10 != 0 { 10 } else { 0 };
            10 + body + footer
        }
        _ => 0,
    }
}

pub(super) struct Frame {
    pub rate: u32,
    kbps: u32,
    pub channels: u8,
    pub samples: u32,
    pub length: usize,
    /// Where a Xing tag would stand: behind the header and the side information.
    xing_at: usize,
}

pub(super) struct Xing {
    frames: u32,
    bytes: Option<u32>,
}

impl Frame {
    /// A layer III frame header (ISO/IEC 11172-3 §2.4.1.3, 13818-3 for the half rates, and MPEG 2.5).
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        if header >> 21 != 0x7ff || (header >> 17) & 3 != 1 {
            return None;
        }
        let version = (header >> 19) & 3;
        let mpeg1 = version == 3;
        let rate = [44_100, 48_000, 32_000].get(((header >> 10) & 3) as usize)?
            >> match version {
                3 => 0,
                2 => 1,
                0 => 2,
                _ => return None,
            };
        let table: [u32; 15] = if mpeg1 {
            [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
        } else {
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
        };
        let kbps = *table.get(((header >> 12) & 15) as usize)?;
        if kbps == 0 {
            return None;
        }
        let padding = (header >> 9) & 1;
        let mono = (header >> 6) & 3 == 3;
        let samples = if mpeg1 { 1152 } else { 576 };
        let side = match (mpeg1, mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        Some(Self {
            rate,
            kbps,
            channels: if mono { 1 } else { 2 },
            samples,
            length: (samples / 8 * kbps * 1000 / rate + padding) as usize,
            xing_at: 4 + side,
        })
    }

    pub fn xing(&self, frame: &[u8]) -> Option<Xing> {
        let tag = frame.get(self.xing_at..)?;
        if !tag.starts_with(b"Xing") && !tag.starts_with(b"Info") {
            return None;
        }
        let word = |at: usize| Some(u32::from_be_bytes(tag.get(at..at + 4)?.try_into().ok()?));
        let flags = word(4)?;
        let frames = (flags & 1 != 0).then(|| word(8))??;
        let bytes = if flags & 2 != 0 { word(12) } else { None };
        Some(Xing { frames, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MPEG-2 layer III, 32 kbit/s, 16 kHz, mono: 144 bytes, 36 ms.
    fn frames(count: usize) -> Vec<u8> {
        let mut one = vec![0xff, 0xf3, 0x48, 0xc0];
        one.resize(144, 0);
        one.repeat(count)
    }

    #[test]
    fn constant_bit_rate_gives_the_length() {
        let file = frames(1000);
        let found = probe(&file[..4096], file.len() as u64).unwrap();
        assert_eq!((found.channels, found.duration_ms), (1, 36_000));
    }

    #[test]
    fn a_tag_in_front_is_skipped() {
        let mut file = b"ID3\x04\0\0\0\0\x01\0".to_vec();
        file.resize(10 + 128, 0);
        file.extend(frames(10));
        assert_eq!(probe(&file, file.len() as u64).unwrap().duration_ms, 360);
    }

    #[test]
    fn the_xing_frame_wins_and_shows_a_cut() {
        let mut file = frames(101);
        file[13..17].copy_from_slice(b"Info");
        file[17..21].copy_from_slice(&3u32.to_be_bytes());
        file[21..25].copy_from_slice(&100u32.to_be_bytes());
        let whole = file.len() as u32;
        file[25..29].copy_from_slice(&whole.to_be_bytes());
        assert_eq!(probe(&file, file.len() as u64).unwrap().duration_ms, 3600);
        assert_eq!(probe(&file, file.len() as u64 - 1), Err(NotAudio::Truncated));
    }

    #[test]
    fn one_chance_sync_word_is_not_enough() {
        let mut text = frames(1);
        text.extend(b"and then something else entirely");
        assert_eq!(probe(&text, text.len() as u64), Err(NotAudio::Unrecognised));
    }
}
