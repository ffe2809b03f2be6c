//! The frames of an MPEG stream, one after another; finds the next one behind what is broken. Knows no decoder.

use std::io::{self, Read};

use super::fill;
use crate::audio::mp3::{Frame, id3_length};

/// Bytes held at a time.
const WINDOW: usize = 64 * 1024;
/// The longest layer III frame, and the header behind it.
const ENOUGH: usize = 2881 + HEADER;
const HEADER: usize = 4;
/// Leading bytes of an ID3 tag that tell its length.
const TAG_HEAD: usize = 10;

pub(super) struct Frames<'s> {
    source: &'s mut dyn Read,
    window: Vec<u8>,
    /// The frame that was found last lies at the beginning of this.
    left: std::ops::Range<usize>,
    /// Its length.
    length: usize,
    /// What all frames of the stream have in common: samples a second, channels, samples of a frame.
    shape: Option<(u32, u8, u32)>,
    /// A frame ends where the next is looked for: its header alone is proof enough.
    in_step: bool,
    over: bool,
}

impl<'s> Frames<'s> {
    /// At the first byte of the file.
    pub fn begin(source: &'s mut dyn Read) -> io::Result<Self> {
        let window = vec![0; WINDOW];
        let mut frames = Self { source, window, left: 0..0, length: 0, shape: None, in_step: false, over: false };
        frames.see_to(TAG_HEAD)?;
        let tag = id3_length(&frames.window[frames.left.clone()]);
        let held = tag.min(frames.left.len());
        frames.left.start += held;
        io::copy(&mut (&mut *frames.source).take((tag - held) as u64), &mut io::sink())?;
        Ok(frames)
    }

    /// The next whole frame.
    pub fn next(&mut self) -> io::Result<Option<Frame>> {
        self.left.start += std::mem::take(&mut self.length);
        loop {
            self.see_to(ENOUGH)?;
            let left = &self.window[self.left.clone()];
            if left.len() < HEADER {
                return Ok(None);
            }
            if let Some(frame) = self.frame_at(left) {
                self.shape = Some(shape(&frame));
                self.length = frame.length;
                self.in_step = true;
                return Ok(Some(frame));
            }
            self.in_step = false;
            let to_next = left[1..].iter().position(|byte| *byte == 0xff).unwrap_or(left.len() - 1);
            self.left.start += 1 + to_next;
        }
    }

    /// The bytes of the frame that was found last.
    pub fn bytes(&self) -> &[u8] {
        &self.window[self.left.start..self.left.start + self.length]
    }

    fn frame_at(&self, bytes: &[u8]) -> Option<Frame> {
        let fits = |frame: &Frame| self.shape.is_none_or(|known| known == shape(frame));
        let frame = Frame::read(bytes).filter(fits)?;
        let behind = bytes.get(frame.length..)?;
        let is_followed =
            || behind.len() < HEADER || Frame::read(behind).is_some_and(|next| shape(&next) == shape(&frame));
        // Eleven set bits may be chance where no frame ends.
        (self.in_step || is_followed()).then_some(frame)
    }

    /// Has so many bytes at hand, unless the file ends before.
    fn see_to(&mut self, bytes: usize) -> io::Result<()> {
        if self.left.len() >= bytes || self.over {
            return Ok(());
        }
        self.window.copy_within(self.left.clone(), 0);
        self.left = 0..self.left.len();
        let read = fill(self.source, &mut self.window[self.left.end..])?;
        self.left.end += read;
        self.over = self.left.end < self.window.len();
        Ok(())
    }
}

fn shape(frame: &Frame) -> (u32, u8, u32) {
    (frame.rate, frame.channels, frame.samples)
}
