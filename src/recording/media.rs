//! The shape of an audio file: what its header says, not what its name says.

/// The containers recordings come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// MPEG audio, with or without ID3 tags.
    Mp3,
    /// RIFF/WAVE.
    Wav,
}

impl Container {
    /// Both, in the order in which the volume is searched.
    pub const ALL: [Self; 2] = [Self::Mp3, Self::Wav];

    /// The file extension, which is also its name in the catalog.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }

    /// The media type it is served as.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
        }
    }

    /// The container of that extension.
    pub fn parse(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|container| container.extension() == extension)
    }
}

/// A recording that has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// What kind of file it is.
    pub container: Container,
    /// Length of the file in bytes.
    pub size: u64,
    /// 1, or 2 with one side of the line each.
    pub channels: u8,
    /// Playing time.
    pub duration_ms: u64,
}
