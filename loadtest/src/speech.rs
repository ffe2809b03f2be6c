//! Telephone speech: calls of any length, put together from recorded phrases without an encoder; knows no Twilio and no HTTP.

mod compose;
mod encode;
mod mulaw;
mod pack;
mod wav;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

pub use compose::{Audio, Format};
pub use encode::{BuildOptions, BuildReport, build_pack};
pub use pack::{Pack, PackError, Side};

/// Milliseconds that one frame lasts: 576 samples of MPEG-2 Layer III at 16 kHz.
pub const FRAME_MS: u32 = 36;
/// Bytes of one MP3 frame: 32 kbit/s at 16 kHz needs no padding, so that every frame is the same size.
pub const MP3_FRAME_BYTES: usize = 144;
/// Samples per channel of one frame in the WAV, at 8 kHz.
pub const WAV_FRAME_SAMPLES: usize = 288;

/// Where calls come from: a pack of phrases.
#[derive(Clone, Debug)]
pub struct Speech {
    pack: Arc<Pack>,
}

impl Speech {
    /// The pack that is compiled in: about a minute of each voice. Cheap: nothing is copied.
    pub fn shipped() -> Self {
        static SHIPPED: &[u8] = include_bytes!("../assets/speech.pack");
        let pack = Pack::parse(Bytes::from_static(SHIPPED)).expect("the shipped pack is checked by a test");
        Self { pack: Arc::new(pack) }
    }

    /// Reads a pack that `twilio-sim pack` made.
    ///
    /// # Errors
    /// When the file cannot be read, or is no pack.
    pub fn load(path: &Path) -> Result<Self, PackError> {
        let pack = Pack::parse(Bytes::from(std::fs::read(path)?))?;
        Ok(Self { pack: Arc::new(pack) })
    }

    /// A conversation of `seconds` (rounded to frames of 36 ms, at least one). The same seed and length give the same bytes.
    ///
    /// The result holds a table of turns, not audio: an hour costs some ten kilobytes until it is read.
    pub fn call(&self, seed: u64, seconds: f64) -> Arc<Audio> {
        Arc::new(Audio::compose(Arc::clone(&self.pack), seed, seconds))
    }

    /// The phrases behind the calls.
    pub fn pack(&self) -> &Pack {
        &self.pack
    }
}
