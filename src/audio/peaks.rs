//! A recording's waveform: the lowest and highest sample of each stretch, per channel. Knows bytes only, neither files nor
//! names.

mod dat;
mod frames;
mod mpeg;
mod pcm;
mod pixels;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Read};

use crate::recording::Container;

pub use dat::{Dat, UNDECODABLE};

/// Highest sample rate and most channels of what is drawn: no telephone has more, and a header may say anything.
const MOST_RATE: u32 = 384_000;
const MOST_CHANNELS: u16 = 8;
/// What comes after so many seconds is not drawn: a drawing must end, whatever it is given.
const MOST_SECONDS: u64 = 24 * 3600;

/// A waveform.
pub struct Peaks {
    /// Samples a second.
    pub sample_rate: u32,
    /// Samples that one pixel stands for.
    pub samples_per_pixel: u32,
    /// Lanes, each a side of the call.
    pub channels: u16,
    /// Samples of each channel that were found, whatever the header says.
    pub samples: u64,
    /// Lowest and highest of each channel, pixel after pixel.
    data: Vec<i8>,
}

/// Why there is no waveform.
#[derive(Debug)]
pub enum PeaksError {
    /// The file cannot be read.
    Io(io::Error),
    /// Nothing in it can be decoded.
    Undecodable,
    /// Whoever wanted it wants it no more.
    Stopped,
}

impl fmt::Display for PeaksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Undecodable => f.write_str("nothing in the file can be decoded"),
            Self::Stopped => f.write_str("the drawing was stopped"),
        }
    }
}

impl std::error::Error for PeaksError {}

impl From<io::Error> for PeaksError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Draws a whole recording from its first byte on, while `go_on` says so (asked several times a second). What cannot be
/// decoded in its middle is drawn as silence, and a file cut short as far as it goes. Memory does not grow with it.
pub fn draw(source: &mut dyn Read, container: Container, go_on: &mut dyn FnMut() -> bool) -> Result<Peaks, PeaksError> {
    match container {
        Container::Mp3 => mpeg::draw(source, go_on),
        Container::Wav => pcm::draw(source, go_on),
    }
}

impl Peaks {
    /// Playing time of what was found.
    pub fn duration_ms(&self) -> u64 {
        super::milliseconds(self.samples, self.sample_rate)
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
