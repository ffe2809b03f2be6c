//! SIDs as Twilio writes them: two letters and 32 hex digits, held inline so that they copy like numbers.

use std::fmt;
use std::str::FromStr;

const LENGTH: usize = 34;

/// A call (`CA…`) or a recording (`RE…`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid([u8; LENGTH]);

/// Text that is no SID of a call or a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSid;

impl fmt::Display for BadSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SID is CA (a call) or RE (a recording) and 32 hexadecimal digits")
    }
}

impl std::error::Error for BadSid {}

impl Sid {
    /// The 34 characters.
    pub fn as_str(&self) -> &str {
        // Only ASCII passes `from_str`, so this cannot fail; the fallback keeps the function free of panics.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether it names a call and not a recording.
    pub const fn is_call(&self) -> bool {
        self.0[0] == b'C'
    }

    /// The SID in a file name of the volume: `<sid>.mp3` or `<sid>.wav`.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.split_once('.')?;
        matches!(extension, "mp3" | "wav").then(|| stem.parse().ok())?
    }
}

impl FromStr for Sid {
    type Err = BadSid;

    fn from_str(text: &str) -> Result<Self, BadSid> {
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| BadSid)?;
        let known = matches!(&bytes[..2], b"CA" | b"RE");
        // Not left at the first that is none: so all are looked at together.
        let hex = bytes[2..].iter().fold(true, |so_far, byte| so_far & byte.is_ascii_hexdigit());
        (known && hex).then_some(Self(bytes)).ok_or(BadSid)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Sid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_parses_reads_back_the_same(text in "(CA|RE)[0-9a-fA-F]{32}") {
            let sid: Sid = text.parse().unwrap();
            prop_assert_eq!(sid.as_str(), text);
        }

        #[test]
        fn arbitrary_text_never_panics_and_never_escapes_the_volume(text in ".{0,60}") {
            if let Ok(sid) = text.parse::<Sid>() {
                prop_assert!(!sid.as_str().contains(['/', '.', '\0']));
            }
        }
    }

    #[test]
    fn other_kinds_and_lengths_are_refused() {
        for bad in ["", "CA", "AC00000000000000000000000000000000", "CA0000000000000000000000000000000g"] {
            assert_eq!(bad.parse::<Sid>(), Err(BadSid), "{bad}");
        }
    }

    #[test]
    fn only_final_names_are_read_as_landed_files() {
        let sid = "CA00000000000000000000000000000001";
        assert!(Sid::from_file_name(&format!("{sid}.mp3")).is_some());
        assert!(Sid::from_file_name(&format!("{sid}.mp3.tmp")).is_none());
        assert!(Sid::from_file_name(&format!("{sid}.lock")).is_none());
    }
}
