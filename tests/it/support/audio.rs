//! Audio made by hand, where a test needs to know every byte.

/// Two channels of eight bits at 8 kHz: so many bytes a second.
const RATE: u32 = 16_000;

/// A WAV file of exactly that many bytes, no two stretches of which are alike.
pub fn wav(size: usize) -> Vec<u8> {
    let mut file = wav_header(size as u64);
    let mut state = 1u32;
    file.resize_with(size, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    file
}

/// The header of a WAV file of that many bytes.
pub fn wav_header(size: u64) -> Vec<u8> {
    let data = u32::try_from(size - 44).expect("less than 4 GiB");
    let mut file = b"RIFF".to_vec();
    file.extend((data + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    file.extend(8000u32.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend(b"\x02\0\x08\0data");
    file.extend(data.to_le_bytes());
    file
}
