//! Why a recording cannot be heard: stable codes, and what they say to people in both languages.

/// A reason, as it stands in states, messages and problem answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Erased on request.
    Erased,
    /// Removed by retention.
    Expired,
    /// The provider made no recording (too short, silent).
    Absent,
    /// The provider no longer has it.
    DeletedAtSource,
    /// The provider refuses our credentials.
    SourceUnauthorized,
    /// The provider failed, or sent something that is no recording.
    SourceFailed,
    /// The provider has not finished it yet.
    NotYetAtSource,
    /// The provider asks for patience (429).
    SourceBusy,
    /// This process and the worker see different volumes.
    VolumeMismatch,
    /// The volume cannot be read or written.
    VolumeUnavailable,
    /// The volume is full.
    DiskFull,
    /// The catalog does not answer.
    CatalogUnavailable,
    /// The queue does not answer.
    QueueUnavailable,
}

const ALL: [Code; 13] = [
    Code::Erased,
    Code::Expired,
    Code::Absent,
    Code::DeletedAtSource,
    Code::SourceUnauthorized,
    Code::SourceFailed,
    Code::NotYetAtSource,
    Code::SourceBusy,
    Code::VolumeMismatch,
    Code::VolumeUnavailable,
    Code::DiskFull,
    Code::CatalogUnavailable,
    Code::QueueUnavailable,
];

impl Code {
    /// Its name on the wire and in the catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Expired => "expired",
            Self::Absent => "absent",
            Self::DeletedAtSource => "deleted_at_source",
            Self::SourceUnauthorized => "source_unauthorized",
            Self::SourceFailed => "source_failed",
            Self::NotYetAtSource => "not_yet_at_source",
            Self::SourceBusy => "source_busy",
            Self::VolumeMismatch => "volume_mismatch",
            Self::VolumeUnavailable => "volume_unavailable",
            Self::DiskFull => "disk_full",
            Self::CatalogUnavailable => "catalog_unavailable",
            Self::QueueUnavailable => "queue_unavailable",
        }
    }

    /// The code of that name.
    pub fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// Whether trying again may help without anybody mending something first.
    pub const fn is_temporary(self) -> bool {
        !matches!(self, Self::Erased | Self::Expired | Self::Absent | Self::DeletedAtSource | Self::SourceUnauthorized)
    }

    /// What an agent reads, in English and in Hebrew.
    pub const fn messages(self) -> (&'static str, &'static str) {
        match self {
            Self::Erased => ("This recording was erased.", "ההקלטה נמחקה."),
            Self::Expired => {
                ("This recording was removed after its retention period.", "ההקלטה הוסרה בתום תקופת השמירה.")
            }
            Self::Absent => ("No recording was made of this call.", "לא בוצעה הקלטה לשיחה זו."),
            Self::DeletedAtSource => ("The provider no longer has this recording.", "ההקלטה כבר אינה קיימת אצל הספק."),
            Self::SourceUnauthorized => (
                "The provider refuses our credentials; an administrator must mend them.",
                "הספק דוחה את פרטי הגישה; נדרש טיפול של מנהל המערכת.",
            ),
            Self::SourceFailed => (
                "The recording could not be fetched from the provider. Try again.",
                "לא ניתן היה להביא את ההקלטה מהספק. נסה שוב.",
            ),
            Self::NotYetAtSource => {
                ("The provider has not finished this recording yet.", "ההקלטה עדיין בתהליך הכנה אצל הספק.")
            }
            Self::SourceBusy => ("The provider is busy; it will be tried again.", "הספק עמוס; יתבצע ניסיון נוסף."),
            Self::VolumeMismatch => (
                "Server and worker do not share one volume; an administrator must mend the mount.",
                "השרת והעובד אינם חולקים את אותו כרך; נדרש טיפול של מנהל המערכת.",
            ),
            Self::VolumeUnavailable => {
                ("The recording store is not available right now.", "מאגר ההקלטות אינו זמין כרגע.")
            }
            Self::DiskFull => ("The recording store is full.", "מאגר ההקלטות מלא."),
            Self::CatalogUnavailable => {
                ("The call catalog is not available right now.", "קטלוג השיחות אינו זמין כרגע.")
            }
            Self::QueueUnavailable => ("The download queue is not available right now.", "תור ההורדות אינו זמין כרגע."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_again_by_its_name() {
        for code in ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
    }
}
