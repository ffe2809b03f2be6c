//! What is fuzzed: one function per target, which takes any bytes and panics where a promise is broken. Compiled for
//! tests and with the feature `fuzzing` only. Knows neither a fuzzer nor where the bytes come from.
//!
//! `fuzz/` hands these functions to libFuzzer; `short.rs` runs them for some seconds with every test run.

mod audio;
mod bench;
mod callback;
mod config;
mod express;
mod frames;
mod link;
mod peaks;
mod range;
mod reply;
#[cfg(test)]
mod short;
mod socket;
mod token;

pub use self::audio::audio;
pub use self::callback::callback;
pub use self::config::config;
pub use self::express::express;
pub use self::frames::frames;
pub use self::link::link;
pub use self::peaks::peaks;
pub use self::range::range;
pub use self::socket::socket;
pub use self::token::token;

/// Takes what is at most `most` bytes long: longer inputs are slower and say nothing new.
fn bounded(data: &[u8], most: usize) -> Option<&[u8]> {
    (data.len() <= most).then_some(data)
}

/// The first byte, by which an input chooses what is done with the rest.
fn choice(data: &[u8]) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (*first, rest))
}

/// Changes one place of a text as the input says: where, how much is taken out, what is put in.
fn tampered(text: &str, how: &[u8]) -> Option<String> {
    let [high, low, out, put @ ..] = how else { return None };
    let put = std::str::from_utf8(put).ok()?;
    let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
    let end = (at + usize::from(*out)).min(text.len());
    let (before, after) = (text.get(..at)?, text.get(end..)?);
    let changed = format!("{before}{put}{after}");
    (changed != text).then_some(changed)
}
