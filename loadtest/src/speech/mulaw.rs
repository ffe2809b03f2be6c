//! G.711 µ-law: one byte per sample of telephone speech. Pure functions.

const BIAS: i32 = 0x84;
const CLIP: i32 = 32_635;

/// The µ-law byte of silence.
pub(super) const SILENCE: u8 = 0xff;

/// What each µ-law byte stands for, as 16-bit PCM.
pub(super) static DECODED: [i16; 256] = table();

const fn table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let inverted = !(byte as u8);
        let exponent = ((inverted >> 4) & 0x07) as i32;
        let mantissa = (inverted & 0x0f) as i32;
        let magnitude = (((mantissa << 3) + BIAS) << exponent) - BIAS;
        table[byte] = if inverted & 0x80 != 0 { -magnitude as i16 } else { magnitude as i16 };
        byte += 1;
    }
    table
}

/// The µ-law byte nearest to a 16-bit sample.
pub(super) fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80u8 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    let exponent = (31 - magnitude.leading_zeros()).saturating_sub(7) as u8;
    let mantissa = ((magnitude >> (exponent + 3)) & 0x0f) as u8;
    !(sign | (exponent << 4) | mantissa)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_zero() {
        assert_eq!(DECODED[usize::from(SILENCE)], 0);
        assert_eq!(encode(0), SILENCE);
    }

    #[test]
    fn every_byte_survives_a_round_trip() {
        for byte in 0..=255u8 {
            let sample = DECODED[usize::from(byte)];
            assert_eq!(DECODED[usize::from(encode(sample))], sample, "byte {byte:#04x}");
        }
    }

    #[test]
    fn the_error_stays_within_a_step() {
        for sample in (-32_000..32_000).step_by(37) {
            let decoded = i32::from(DECODED[usize::from(encode(sample as i16))]);
            assert!((decoded - sample).abs() <= 16 + sample.abs() / 16, "{sample} became {decoded}");
        }
    }
}
