//! RIFF/WAVE, sample by sample: what telephone systems write (PCM, µ-law, A-law), and floats. Sizes in headers are no more
//! than hints: the file ends where it ends.

use std::io::{self, Read};

use super::pixels::Pixels;
use super::{Peaks, PeaksError, fill};

/// Chunk sizes that streaming writers leave when they cannot seek back: the samples go on to the end of the file.
const OPEN_ENDED: [u32; 2] = [0, u32::MAX];
/// Samples of each channel decoded at a time.
const BLOCK: usize = 8192;

/// How samples are written (RFC 2361, and `mmreg.h`).
#[derive(Clone, Copy)]
enum Coding {
    Pcm8,
    Pcm16,
    Pcm24,
    Pcm32,
    Float32,
    ALaw,
    MuLaw,
}

struct Format {
    coding: Coding,
    channels: u16,
    rate: u32,
}

pub(super) fn draw(source: &mut dyn Read, go_on: &mut dyn FnMut() -> bool) -> Result<Peaks, PeaksError> {
    let mut riff = [0; 12];
    if fill(source, &mut riff)? < riff.len() || &riff[8..] != b"WAVE" {
        return Err(PeaksError::Undecodable);
    }
    let mut format = None;
    loop {
        let mut chunk = [0; 8];
        if fill(source, &mut chunk)? < chunk.len() {
            return Err(PeaksError::Undecodable);
        }
        let [name @ .., a, b, c, d] = chunk;
        let length = u32::from_le_bytes([a, b, c, d]);
        match &name {
            b"fmt " => format = Some(Format::read(source, length)?),
            b"data" => {
                let format = format.ok_or(PeaksError::Undecodable)?;
                let length = if OPEN_ENDED.contains(&length) { u64::MAX } else { u64::from(length) };
                return samples(&mut source.take(length), &format, go_on);
            }
            _ => skip(source, u64::from(length) + u64::from(length & 1))?,
        }
    }
}

fn samples(source: &mut dyn Read, format: &Format, go_on: &mut dyn FnMut() -> bool) -> Result<Peaks, PeaksError> {
    let mut pixels = Pixels::new(format.rate, format.channels)?;
    let (channels, width) = (usize::from(format.channels), format.coding.width());
    let mut block = vec![0; BLOCK * channels * width];
    let mut lanes = vec![Vec::with_capacity(BLOCK); channels];
    while !pixels.is_full() {
        if !go_on() {
            return Err(PeaksError::Stopped);
        }
        let read = fill(source, &mut block)?;
        for (channel, lane) in lanes.iter_mut().enumerate() {
            lane.clear();
            let written = block[..read].chunks_exact(channels * width);
            lane.extend(written.map(|frame| format.coding.sample(&frame[channel * width..(channel + 1) * width])));
        }
        pixels.push(&lanes);
        if read < block.len() {
            break;
        }
    }
    pixels.finish()
}

fn skip(source: &mut dyn Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut source.take(bytes), &mut io::sink()).map(drop)
}

impl Format {
    fn read(source: &mut dyn Read, length: u32) -> Result<Self, PeaksError> {
        let mut body = [0; 40];
        let most = body.len().min(length as usize);
        let there = fill(source, &mut body[..most])?;
        skip(source, u64::from(length) + u64::from(length & 1) - there as u64)?;
        if there < 16 {
            return Err(PeaksError::Undecodable);
        }
        let word = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
        // An extensible format names its coding in the first bytes of a GUID.
        let tag = if word(0) == 0xfffe { word(24) } else { word(0) };
        let coding = match (tag, word(14)) {
            (1, 8) => Coding::Pcm8,
            (1, 16) => Coding::Pcm16,
            (1, 24) => Coding::Pcm24,
            (1, 32) => Coding::Pcm32,
            (3, 32) => Coding::Float32,
            (6, 8) => Coding::ALaw,
            (7, 8) => Coding::MuLaw,
            _ => return Err(PeaksError::Undecodable),
        };
        let rate = u32::from_le_bytes([body[4], body[5], body[6], body[7]]);
        Ok(Self { coding, channels: word(2), rate })
    }
}

impl Coding {
    /// Bytes of a sample.
    const fn width(self) -> usize {
        match self {
            Self::Pcm8 | Self::ALaw | Self::MuLaw => 1,
            Self::Pcm16 => 2,
            Self::Pcm24 => 3,
            Self::Pcm32 | Self::Float32 => 4,
        }
    }

    /// The sample in 16 bits: of longer ones, the upper.
    fn sample(self, bytes: &[u8]) -> i16 {
        match (self, bytes) {
            (Self::Pcm8, &[byte]) => (i16::from(byte) - 128) << 8,
            (Self::ALaw, &[byte]) => a_law(byte),
            (Self::MuLaw, &[byte]) => mu_law(byte),
            (Self::Pcm16, &[low, high]) | (Self::Pcm24, &[_, low, high]) | (Self::Pcm32, &[_, _, low, high]) => {
                i16::from_le_bytes([low, high])
            }
            (Self::Float32, &[a, b, c, d]) => (f32::from_le_bytes([a, b, c, d]) * 32_768.0) as i16,
            _ => 0,
        }
    }
}

/// ITU-T G.711, A-law: sign, three bits of exponent and four of mantissa, every other bit inverted.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = ((byte >> 4) & 7, i16::from(byte & 15));
    let size = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -size } else { size }
}

/// ITU-T G.711, µ-law: the same with all bits inverted and a bias of 132.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let (exponent, mantissa) = ((byte >> 4) & 7, i16::from(byte & 15));
    let size = (((mantissa << 3) + 132) << exponent) - 132;
    if byte & 0x80 == 0 { size } else { -size }
}
