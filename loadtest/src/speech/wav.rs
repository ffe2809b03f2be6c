//! RIFF headers: writing the 44 bytes of a PCM file, and finding the samples in a phrase. Knows no files.

/// Bytes before the samples.
pub(super) const HEADER_BYTES: usize = 44;

/// The header of a 16-bit PCM file at 8 kHz with `data` bytes of samples.
pub(super) fn header(channels: u16, data: u32) -> [u8; HEADER_BYTES] {
    const RATE: u32 = 8_000;
    let block = channels * 2;
    let mut header = [0; HEADER_BYTES];
    header[0..4].copy_from_slice(b"RIFF");
    header[4..8].copy_from_slice(&(data + HEADER_BYTES as u32 - 8).to_le_bytes());
    header[8..16].copy_from_slice(b"WAVEfmt ");
    header[16..20].copy_from_slice(&16u32.to_le_bytes());
    header[20..22].copy_from_slice(&1u16.to_le_bytes());
    header[22..24].copy_from_slice(&channels.to_le_bytes());
    header[24..28].copy_from_slice(&RATE.to_le_bytes());
    header[28..32].copy_from_slice(&(RATE * u32::from(block)).to_le_bytes());
    header[32..34].copy_from_slice(&block.to_le_bytes());
    header[34..36].copy_from_slice(&16u16.to_le_bytes());
    header[36..40].copy_from_slice(b"data");
    header[40..44].copy_from_slice(&data.to_le_bytes());
    header
}

/// The samples of a mono 16-bit PCM file at 8 kHz; `None` for anything else.
pub(super) fn samples(file: &[u8]) -> Option<Vec<i16>> {
    if file.get(0..4)? != b"RIFF" || file.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut rest = file.get(12..)?;
    let mut right_kind = false;
    loop {
        let (name, length) = (rest.get(0..4)?, u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize);
        let body = &rest[8..];
        match name {
            b"fmt " => {
                let word = |at: usize| Some(u16::from_le_bytes(body.get(at..at + 2)?.try_into().ok()?));
                let rate = u32::from_le_bytes(body.get(4..8)?.try_into().ok()?);
                right_kind = (word(0)?, word(2)?, rate, word(14)?) == (1, 1, 8_000, 16);
            }
            b"data" if right_kind => {
                let data = &body[..length.min(body.len())];
                return Some(data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect());
            }
            _ => {}
        }
        rest = body.get(length + length % 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut file = header(1, 4).to_vec();
        file.extend([1, 0, 255, 255]);
        assert_eq!(samples(&file), Some(vec![1, -1]));
    }

    #[test]
    fn stereo_is_no_phrase() {
        let mut file = header(2, 4).to_vec();
        file.extend([0; 4]);
        assert_eq!(samples(&file), None);
        assert_eq!(samples(b"ID3"), None);
    }
}
