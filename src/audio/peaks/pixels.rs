//! Samples in, pixels out: a bounded number of them, coarser as the recording grows. Knows no codec.

use super::{MOST_CHANNELS, MOST_RATE, MOST_SECONDS, Peaks, PeaksError};

/// Pixels a second of a recording that is not long: 10 ms each, finer than a screen shows and a mouse finds.
const PER_SECOND: u32 = 100;
/// Pixels at the most: 200 kB of each channel. Reached after 16 minutes and 40 seconds; an hour has 25 a second.
pub(super) const MOST: usize = 100_000;

/// A waveform being drawn.
pub(super) struct Pixels {
    peaks: Peaks,
    /// Lowest and highest sample of each channel in the pixel under way.
    open: Vec<(i16, i16)>,
    /// Samples in it.
    filled: u32,
}

/// Lower than any sample, and higher: a pixel without samples.
const NONE: (i16, i16) = (i16::MAX, i16::MIN);

impl Pixels {
    pub fn new(sample_rate: u32, channels: u16) -> Result<Self, PeaksError> {
        if !(1..=MOST_RATE).contains(&sample_rate) || !(1..=MOST_CHANNELS).contains(&channels) {
            return Err(PeaksError::Undecodable);
        }
        let samples_per_pixel = (sample_rate / PER_SECOND).max(1);
        let peaks = Peaks { sample_rate, samples_per_pixel, channels, samples: 0, data: Vec::new() };
        Ok(Self { peaks, open: vec![NONE; usize::from(channels)], filled: 0 })
    }

    /// Whether no more is taken.
    pub fn is_full(&self) -> bool {
        self.peaks.samples >= MOST_SECONDS * u64::from(self.peaks.sample_rate)
    }

    /// Adds samples, one slice per channel, all of one length.
    pub fn push(&mut self, lanes: &[Vec<i16>]) {
        let length = lanes.iter().map(Vec::len).min().unwrap_or(0);
        let mut at = 0;
        while at < length {
            let count = length.min(at + (self.peaks.samples_per_pixel - self.filled) as usize) - at;
            for (open, lane) in self.open.iter_mut().zip(lanes) {
                let samples = &lane[at..at + count];
                let (low, high) = *open;
                *open = samples.iter().fold((low, high), |(low, high), sample| (low.min(*sample), high.max(*sample)));
            }
            at += count;
            self.filled += count as u32;
            self.peaks.samples += count as u64;
            if self.filled == self.peaks.samples_per_pixel {
                self.close();
            }
        }
    }

    /// The waveform; none of what had no sample.
    pub fn finish(mut self) -> Result<Peaks, PeaksError> {
        if self.filled > 0 {
            self.close();
        }
        if self.peaks.data.is_empty() { Err(PeaksError::Undecodable) } else { Ok(self.peaks) }
    }

    fn close(&mut self) {
        self.filled = 0;
        for open in &mut self.open {
            let (low, high) = std::mem::replace(open, NONE);
            self.peaks.data.extend([eight_bits(low), eight_bits(high)]);
        }
        if self.peaks.data.len() == MOST * 2 * self.open.len() {
            self.halve();
        }
    }

    /// Makes one pixel of each two.
    fn halve(&mut self) {
        let width = 2 * self.open.len();
        let data = &mut self.peaks.data;
        for pixel in 0..MOST / 2 {
            let (to, from) = (pixel * width, 2 * pixel * width);
            for low in (0..width).step_by(2) {
                data[to + low] = data[from + low].min(data[from + width + low]);
                data[to + low + 1] = data[from + low + 1].max(data[from + width + low + 1]);
            }
        }
        data.truncate(MOST / 2 * width);
        self.peaks.samples_per_pixel *= 2;
    }
}

/// As audiowaveform scales them: what is not as loud as one step is silence.
fn eight_bits(sample: i16) -> i8 {
    (sample / 256) as i8
}
