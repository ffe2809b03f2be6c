//! Twilio's recording resource and its lists, read tolerantly: unknown members and states change nothing.

use serde::Deserialize;

use super::SourceError;
use crate::recording::{Code, Sid, Timestamp};

#[derive(Deserialize)]
pub(super) struct Recording {
    sid: String,
    #[serde(default)]
    status: String,
    date_created: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct List {
    recordings: Vec<Recording>,
}

impl Recording {
    /// Whether its media can be had, and if not, why.
    pub fn verdict(&self) -> Result<(), SourceError> {
        match self.status.as_str() {
            "in-progress" | "paused" | "stopped" | "processing" => Err(SourceError::NotYet),
            "absent" => Err(SourceError::Gone(Code::Absent)),
            "deleted" => Err(SourceError::Gone(Code::DeletedAtSource)),
            "failed" => Err(SourceError::Failed("the source failed to make the recording".into())),
            // `completed`, and what Twilio may invent: the media itself will tell.
            _ => Ok(()),
        }
    }

    fn created(&self) -> Option<Timestamp> {
        Timestamp::parse_rfc2822(self.date_created.as_deref()?)
    }
}

impl List {
    /// Their names.
    pub fn sids(&self) -> impl Iterator<Item = Sid> {
        self.recordings.iter().filter_map(|recording| recording.sid.parse().ok())
    }

    /// The earliest recording that can be heard; without one, the best reason for hope.
    pub fn first_completed(mut self) -> Result<Sid, SourceError> {
        self.recordings.sort_by_key(Recording::created);
        let mut reason = None;
        for recording in &self.recordings {
            match (recording.verdict(), recording.sid.parse()) {
                (Ok(()), Ok(sid)) => return Ok(sid),
                (Ok(()), Err(_)) => {}
                (Err(why @ SourceError::NotYet), _) => reason = Some(why),
                (Err(why), _) => reason = reason.or(Some(why)),
            }
        }
        Err(reason.unwrap_or(SourceError::NotYet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(recordings: &[(&str, &str, &str)]) -> List {
        let recordings = recordings.iter().map(|(n, status, created)| Recording {
            sid: format!("RE{n:0>32}"),
            status: (*status).into(),
            date_created: Some(format!("Tue, 14 Nov 2023 {created} +0000")),
        });
        List { recordings: recordings.collect() }
    }

    #[test]
    fn the_first_completed_recording_is_the_calls() {
        let found =
            list(&[("3", "completed", "10:00:09"), ("2", "completed", "10:00:05"), ("1", "absent", "10:00:00")]);
        assert_eq!(found.first_completed().unwrap().as_str(), format!("RE{:0>32}", 2));
    }

    #[test]
    fn without_one_there_is_hope_only_while_something_is_being_made() {
        assert!(matches!(list(&[]).first_completed(), Err(SourceError::NotYet)));
        let making = list(&[("1", "absent", "10:00:00"), ("2", "processing", "10:00:01")]);
        assert!(matches!(making.first_completed(), Err(SourceError::NotYet)));
        let none = list(&[("1", "absent", "10:00:00")]);
        assert!(matches!(none.first_completed(), Err(SourceError::Gone(Code::Absent))));
    }
}
