//! Containers by their first bytes: any file, whole and cut.

use super::bounded;
use crate::audio::{NotAudio, probe};
use crate::recording::Container;

/// Two bytes for how much longer the file is than what was read of it, then its first bytes.
pub fn audio(data: &[u8]) {
    let Some([high, low, head @ ..]) = bounded(data, 16 * 1024) else { return };
    let more = u64::from(u16::from_be_bytes([*high, *low]));
    let size = head.len() as u64 + more * more * more;
    check(head, size);
    // As long as it says itself, and whole in memory.
    check(head, head.len() as u64);
    // A reader may have seen less of it.
    for part in [head.len() / 2, head.len().saturating_sub(1), 44.min(head.len())] {
        check(&head[..part], size);
    }
}

fn check(head: &[u8], size: u64) {
    let media = match probe(head, size) {
        Ok(media) => media,
        Err(why) => {
            assert!(why == NotAudio::Empty || size > 0 && !head.is_empty(), "nothing is empty");
            return;
        }
    };
    assert_eq!(media.size, size, "a recording is as long as its file");
    assert!(media.channels > 0, "sound has a channel");
    let is_wav = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WAVE");
    assert_eq!(media.container == Container::Wav, is_wav, "a file is what its header says");
    // Even at a byte or eight bits a second, no file holds more sound than it has bytes to tell of. An MP3 may say how
    // many frames it has, each of which takes four bytes at the least.
    if is_wav {
        assert!(media.duration_ms <= size.saturating_mul(1000).saturating_add(1), "longer than the bytes can tell");
        // What is cut short of what it announces has not landed; a streamed one does not announce anything.
        if let Ok(cut) = probe(head, size - 1) {
            assert_eq!(cut.size, size - 1);
        }
    }
}
