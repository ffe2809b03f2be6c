//! Waveforms: any bytes, called MP3 or WAV.

use std::io::Cursor;

use super::bounded;
use crate::audio::peaks::{Dat, PeaksError, draw};
use crate::recording::Container;

/// A file. What it is drawn as does not depend on what it says it is.
pub fn peaks(data: &[u8]) {
    let Some(file) = bounded(data, 64 * 1024) else { return };
    for container in Container::ALL {
        let mut asked = 0u64;
        let drawn = draw(&mut Cursor::new(file), container, &mut || {
            asked += 1;
            true
        });
        // A frame of MPEG audio has at least 24 bytes, and a sample at least one.
        assert!(asked <= file.len() as u64 / 24 + 2, "work is bounded by the file");
        let peaks = match drawn {
            Ok(peaks) => peaks,
            Err(PeaksError::Undecodable) => continue,
            Err(error) => panic!("memory can be read, and nobody stops it: {error}"),
        };
        assert!(peaks.samples > 0 && peaks.samples <= file.len() as u64 / 24 * 1152 + file.len() as u64);
        let bytes = peaks.encode();
        let pixels = peaks.samples.div_ceil(u64::from(peaks.samples_per_pixel));
        assert_eq!(bytes.len() as u64, 24 + pixels * u64::from(peaks.channels) * 2);
        let dat = Dat::read(&bytes).expect("what was written reads back");
        assert!(!dat.is_blank(), "a waveform has a pixel");
        serde_json::from_str::<serde_json::Value>(&dat.json()).expect("JSON");
    }
    if let Some(dat) = Dat::read(file) {
        serde_json::from_str::<serde_json::Value>(&dat.json()).expect("JSON");
    }
}
