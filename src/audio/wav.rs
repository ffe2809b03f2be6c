//! RIFF/WAVE: the chunks before the samples.

use super::{NotAudio, media, milliseconds};
use crate::recording::{Container, Media};

/// Chunk sizes that streaming writers leave when they cannot seek back: the length is then the file's.
const OPEN_ENDED: [u32; 2] = [0, u32::MAX];

pub(super) fn probe(head: &[u8], size: u64) -> Result<Media, NotAudio> {
    let riff_size = u32_at(head, 4).ok_or(NotAudio::Truncated)?;
    if head.get(8..12) != Some(b"WAVE") {
        return Err(NotAudio::Unrecognised);
    }
    if !OPEN_ENDED.contains(&riff_size) && u64::from(riff_size) + 8 > size {
        return Err(NotAudio::Truncated);
    }
    let mut at = 12;
    let mut format = None;
    loop {
        let name = head.get(at..at + 4).ok_or(NotAudio::Unrecognised)?;
        let length = u32_at(head, at + 4).ok_or(NotAudio::Unrecognised)?;
        let body = at + 8;
        match name {
            b"fmt " => format = Some(Format::read(head, body)?),
            b"data" => {
                let format = format.ok_or(NotAudio::Unrecognised)?;
                let there = size.saturating_sub(body as u64);
                let data = if OPEN_ENDED.contains(&length) { there } else { u64::from(length) };
                if data > there {
                    return Err(NotAudio::Truncated);
                }
                if data == 0 {
                    return Err(NotAudio::Empty);
                }
                let duration = milliseconds(data, format.bytes_per_second);
                return Ok(media(Container::Wav, size, format.channels, duration));
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        at = body + length as usize + (length as usize & 1);
    }
}

struct Format {
    channels: u8,
    bytes_per_second: u32,
}

impl Format {
    fn read(head: &[u8], at: usize) -> Result<Self, NotAudio> {
        let channels = u32_at(head, at).map(|word| word >> 16);
        let channels = channels.and_then(|n| u8::try_from(n).ok()).filter(|n| *n > 0);
        let bytes_per_second = u32_at(head, at + 8).filter(|n| *n > 0);
        match (channels, bytes_per_second) {
            (Some(channels), Some(bytes_per_second)) => Ok(Self { channels, bytes_per_second }),
            _ => Err(NotAudio::Unrecognised),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(channels: u16, data: u32) -> Vec<u8> {
        let mut file = b"RIFF".to_vec();
        file.extend((36 + data).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        file.extend(channels.to_le_bytes());
        file.extend(8000u32.to_le_bytes());
        file.extend((16000 * u32::from(channels)).to_le_bytes());
        file.extend([2 * channels as u8, 0, 16, 0]);
        file.extend(b"data");
        file.extend(data.to_le_bytes());
        file.resize(44 + data as usize, 0);
        file
    }

    #[test]
    fn length_and_channels_come_from_the_header() {
        let file = wav(2, 32_000);
        let found = probe(&file, file.len() as u64).unwrap();
        assert_eq!((found.channels, found.duration_ms), (2, 1000));
    }

    #[test]
    fn a_file_cut_short_is_told_from_a_whole_one() {
        let file = wav(1, 32_000);
        assert_eq!(probe(&file, file.len() as u64 - 1), Err(NotAudio::Truncated));
    }

    #[test]
    fn a_streamed_header_takes_its_length_from_the_file() {
        let mut file = wav(1, 16_000);
        file[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        file[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(probe(&file, file.len() as u64).unwrap().duration_ms, 1000);
    }
}
