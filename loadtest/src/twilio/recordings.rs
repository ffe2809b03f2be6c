//! The simulator's memory: recordings, by their SID and by call; knows no HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::faults::{Faults, Used};
use super::stats::Stats;
use crate::speech::Audio;

/// Where a recording is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The call goes on.
    InProgress,
    /// Halted by the API.
    Paused,
    /// The call is over; the media is being made.
    Processing,
    /// The media can be fetched.
    #[default]
    Completed,
    /// There was nothing to record (error code 16101).
    Absent,
    /// Removed: the media is gone, the metadata stays for those who ask with `IncludeSoftDeleted=true`.
    Deleted,
    /// Something broke on Twilio's side.
    Failed,
}

impl Status {
    /// The word in JSON and in callbacks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Paused => "paused",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Absent => "absent",
            Self::Deleted => "deleted",
            Self::Failed => "failed",
        }
    }
}

/// A recording to add. What is left out is made up.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewRecording {
    /// The account; the simulator's first one if left out.
    pub account_sid: Option<String>,
    /// The call; give the same one again for a second recording of it.
    pub call_sid: Option<String>,
    /// `RE` and 32 hex digits.
    pub recording_sid: Option<String>,
    /// Length in seconds. An hour costs no more memory than a minute.
    pub seconds: f64,
    /// Which conversation; another one for each recording if left out.
    pub seed: Option<u64>,
    /// Audio to share, instead of `seconds` and `seed`.
    #[serde(skip)]
    pub audio: Option<Arc<Audio>>,
    /// 2: dual-channel, available as 1 and 2. 1: mono, and `RequestedChannels=2` is answered 400.
    pub channels: u8,
    /// Where it is in its life.
    pub status: Status,
    /// Media requests wait until the recording is released.
    pub held: bool,
    /// What goes wrong with it, instead of the global faults.
    pub faults: Option<Faults>,
    /// Caller, E.164.
    pub from: Option<String>,
    /// Called, E.164.
    pub to: Option<String>,
    /// Start of the call; `seconds` ago if left out.
    pub started_at: Option<Timestamp>,
}

impl Default for NewRecording {
    fn default() -> Self {
        Self {
            account_sid: None,
            call_sid: None,
            recording_sid: None,
            seconds: 30.0,
            seed: None,
            audio: None,
            channels: 2,
            status: Status::Completed,
            held: false,
            faults: None,
            from: None,
            to: None,
            started_at: None,
        }
    }
}

/// A recording as it was added.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recording {
    /// Whose it is.
    pub account_sid: String,
    /// `CA` and 32 hex digits.
    pub call_sid: String,
    /// `RE` and 32 hex digits.
    pub recording_sid: String,
    /// Caller, E.164.
    pub from: String,
    /// Called, E.164.
    pub to: String,
    /// Start of the call.
    pub started_at: Timestamp,
    /// Length in whole seconds, as Twilio tells it.
    pub duration_s: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// 1 or 2.
    pub channels: u8,
}

/// Which parts of an answer may go out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) headers: bool,
    pub(super) rest_of_body: bool,
}

/// A recording with all that changes about it.
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) recording: Recording,
    pub(super) audio: Arc<Audio>,
    pub(super) stats: watch::Sender<Stats>,
    pub(super) gate: watch::Sender<Gate>,
    script: Mutex<Script>,
}

pub(super) struct Script {
    pub(super) status: Status,
    pub(super) updated_at: Timestamp,
    pub(super) faults: Option<Faults>,
    pub(super) used: Used,
}

impl Entry {
    pub(super) fn new(
        number: u64,
        recording: Recording,
        audio: Arc<Audio>,
        held: bool,
        status: Status,
        faults: Option<Faults>,
    ) -> Self {
        let script = Script { status, updated_at: Timestamp::now(), faults, used: Used::default() };
        let gate = Gate { headers: !held, rest_of_body: false };
        let (stats, gate) = (watch::Sender::new(Stats::default()), watch::Sender::new(gate));
        Self { number, recording, audio, stats, gate, script: Mutex::new(script) }
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> Status {
        self.script().status
    }

    pub(super) fn set_status(&self, status: Status) {
        let mut script = self.script();
        script.status = status;
        script.updated_at = Timestamp::now();
    }
}

/// All recordings.
#[derive(Default)]
pub(super) struct Store {
    by_sid: HashMap<String, Arc<Entry>>,
    by_number: BTreeMap<u64, Arc<Entry>>,
    by_call: HashMap<String, Vec<Arc<Entry>>>,
}

impl Store {
    pub(super) fn insert(&mut self, entry: Entry) {
        let entry = Arc::new(entry);
        let recording = &entry.recording;
        self.by_call.entry(recording.call_sid.clone()).or_default().push(Arc::clone(&entry));
        self.by_sid.insert(recording.recording_sid.clone(), Arc::clone(&entry));
        self.by_number.insert(entry.number, entry);
    }

    pub(super) fn get(&self, recording_sid: &str) -> Option<Arc<Entry>> {
        self.by_sid.get(recording_sid).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// The recordings of one call, or all; newest first, those numbered below `before`.
    pub(super) fn newest(&self, call_sid: Option<&str>, before: u64) -> Box<dyn Iterator<Item = &Arc<Entry>> + '_> {
        match call_sid {
            Some(call) => {
                let entries = self.by_call.get(call).map(Vec::as_slice).unwrap_or_default();
                Box::new(entries.iter().rev().filter(move |entry| entry.number < before))
            }
            None => Box::new(self.by_number.range(..before).rev().map(|(_, entry)| entry)),
        }
    }
}
