//! MPEG audio, frame by frame: we find the frames, so that a broken one costs its own time and no more; Symphonia decodes
//! them.

use std::io::Read;

use symphonia_bundle_mp3::MpaDecoder;
use symphonia_core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

use super::frames::Frames;
use super::pixels::Pixels;
use super::{Peaks, PeaksError};

/// Frames from one question whether to go on to the next: some seconds of sound, some milliseconds of work.
const ASKED_EVERY: u32 = 256;

pub(super) fn draw(source: &mut dyn Read, go_on: &mut dyn FnMut() -> bool) -> Result<Peaks, PeaksError> {
    let mut frames = Frames::begin(source)?;
    let first = frames.next()?.ok_or(PeaksError::Undecodable)?;
    let (channels, length) = (usize::from(first.channels), first.samples as usize);
    let mut pixels = Pixels::new(first.rate, first.channels.into())?;
    let mut decoder = decoder()?;
    let silence = vec![vec![0; length]; channels];
    let (mut lanes, mut is_sound) = (silence.clone(), false);
    // The encoder's notes look like a frame of silence, and have no time of their own.
    let mut next = if first.xing(frames.bytes()).is_some() { frames.next()? } else { Some(first) };
    for n in 0u32.. {
        if next.is_none() || pixels.is_full() {
            break;
        }
        if n.is_multiple_of(ASKED_EVERY) && !go_on() {
            return Err(PeaksError::Stopped);
        }
        match decoder.decode_ref(&PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, frames.bytes())) {
            Ok(sound) if sound.frames() == length && sound.num_planes() == channels => {
                sound.copy_to_vecs_planar(&mut lanes);
                pixels.push(&lanes);
                is_sound = true;
            }
            Ok(_) | Err(_) => pixels.push(&silence),
        }
        next = frames.next()?;
    }
    if is_sound { pixels.finish() } else { Err(PeaksError::Undecodable) }
}

fn decoder() -> Result<MpaDecoder, PeaksError> {
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_MP3);
    MpaDecoder::try_new(&parameters, &AudioDecoderOptions::default()).map_err(|_| PeaksError::Undecodable)
}
