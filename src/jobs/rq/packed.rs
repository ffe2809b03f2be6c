//! Bytes as zlib unpacks them (RFC 1950), stored rather than made smaller: a job has some hundred of them. Knows no job.

/// Bytes in one stored block (RFC 1951 §3.2.4).
const BLOCK: usize = 0xffff;
/// Deflate with a window of 32 KiB, fastest, no dictionary; a multiple of 31.
const HEADER: [u8; 2] = [0x78, 0x01];

/// The bytes, packed.
pub(super) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut blocks = bytes.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        // A block is no longer than its length can say.
        let length = block.len() as u16;
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(bytes).to_be_bytes());
    out
}

/// RFC 1950 §8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut low, mut high) = (1u32, 0u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % MODULUS;
        high = (high + low) % MODULUS;
    }
    high << 16 | low
}
