//! Waveforms as bytes: audiowaveform's `.dat`, version 2, with 8 bits, and its JSON. All numbers are little-endian.

use std::fmt::Write as _;

use super::Peaks;

const VERSION: i32 = 2;
/// Flag: 8 bits a value.
const EIGHT_BITS: u32 = 1;
const HEADER: usize = 24;

/// What is kept of a recording that cannot be decoded, so that nobody tries again: a waveform without pixels.
pub const UNDECODABLE: [u8; HEADER] = header(0, 0, 0, 0);

const fn header(sample_rate: u32, samples_per_pixel: u32, length: u32, channels: u32) -> [u8; HEADER] {
    let words = [VERSION as u32, EIGHT_BITS, sample_rate, samples_per_pixel, length, channels];
    let mut bytes = [0; HEADER];
    let mut at = 0;
    while at < HEADER {
        bytes[at] = words[at / 4].to_le_bytes()[at % 4];
        at += 1;
    }
    bytes
}

impl Peaks {
    /// The waveform as a `.dat`.
    pub fn encode(&self) -> Vec<u8> {
        let length = self.data.len() / (2 * usize::from(self.channels));
        let header = header(self.sample_rate, self.samples_per_pixel, length as u32, u32::from(self.channels));
        let mut bytes = Vec::with_capacity(HEADER + self.data.len());
        bytes.extend(header);
        bytes.extend(self.data.iter().map(|value| value.cast_unsigned()));
        bytes
    }
}

/// A `.dat` that is as long as it says itself.
pub struct Dat<'a> {
    sample_rate: u32,
    samples_per_pixel: u32,
    length: u32,
    channels: u32,
    data: &'a [u8],
}

impl<'a> Dat<'a> {
    /// Reads what [`Peaks::encode`] has written; `None` of anything else, such as a file that a power cut has left.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (words, data) = bytes.split_first_chunk::<HEADER>()?;
        let word =
            |n: usize| words.chunks_exact(4).nth(n).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
        let (version, flags) = (word(0)?, word(1)?);
        let read =
            Self { sample_rate: word(2)?, samples_per_pixel: word(3)?, length: word(4)?, channels: word(5)?, data };
        let size = u128::from(read.length) * u128::from(read.channels) * 2;
        (version == VERSION as u32 && flags == EIGHT_BITS && size == data.len() as u128).then_some(read)
    }

    /// Whether there is nothing to draw: the recording cannot be decoded.
    pub fn is_blank(&self) -> bool {
        self.data.is_empty()
    }

    /// The same as audiowaveform's JSON.
    pub fn json(&self) -> String {
        let Self { sample_rate, samples_per_pixel, length, channels, data } = self;
        let mut text = String::with_capacity(128 + data.len() * 5);
        let _ = write!(
            text,
            r#"{{"version":{VERSION},"channels":{channels},"sample_rate":{sample_rate},"samples_per_pixel":{samples_per_pixel},"bits":8,"length":{length},"data":["#
        );
        for (n, value) in data.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            let _ = write!(text, "{comma}{}", value.cast_signed());
        }
        text.push_str("]}");
        text
    }
}
