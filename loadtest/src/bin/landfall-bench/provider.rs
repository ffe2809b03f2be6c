//! The simulated provider, on a thread of its own in this process.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadtest::measure::clock;
use loadtest::server::{Server, Setup};
use loadtest::speech::Audio;
use loadtest::twilio::{Faults, NewRecording, Options, Simulator};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// A server that does not ask by then will not.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Provider {
    runtime: Runtime,
    simulator: Simulator,
}

impl Provider {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let simulator = runtime.block_on(Simulator::start(Options::default()))?;
        Ok(Self { runtime, simulator })
    }

    /// A server whose source this is.
    pub(crate) fn serve(&self, binary: &Path, home: &Path, settings: &[(&str, &str)]) -> io::Result<Server> {
        let (api_base, account) = (self.simulator.base_url(), self.simulator.account());
        Server::start(&Setup { binary, home, api_base, account, core: None, settings })
    }

    /// What another process needs to know of it.
    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        let account = self.simulator.account();
        let accounts = json!([{"account_sid": account.sid, "auth_token": account.auth_token}]);
        [
            ("LANDFALL_TWILIO__API_BASE", self.simulator.base_url().to_owned()),
            ("LANDFALL_TWILIO__ACCOUNTS", accounts.to_string()),
        ]
    }

    /// Adds a recording of each call that nobody gets before it is released; the recordings' SIDs.
    pub(crate) fn hold(&self, calls: &[String], audio: &Arc<Audio>) -> Vec<String> {
        let add = |call: &String| {
            let new = NewRecording {
                call_sid: Some(call.clone()),
                audio: Some(Arc::clone(audio)),
                held: true,
                ..Default::default()
            };
            self.simulator.add(new).recording_sid
        };
        calls.iter().map(add).collect()
    }

    /// Adds a recording of a call that can be fetched at once, with its faults; its SID.
    pub(crate) fn add(&self, call: &str, audio: &Arc<Audio>, faults: Faults) -> String {
        let (call_sid, audio) = (Some(call.to_owned()), Some(Arc::clone(audio)));
        self.simulator.add(NewRecording { call_sid, audio, faults: Some(faults), ..Default::default() }).recording_sid
    }

    /// Waits until the media of a recording has been handed to the connection to its end; when that was.
    pub(crate) fn until_sent(&self, recording: &str) -> io::Result<Instant> {
        let sent = self.simulator.until(recording, |stats| stats.media_completed > 0);
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, sent).await })
            .map_err(|_| io::Error::other("the server did not fetch the recording"))?;
        Ok(clock::now())
    }

    /// Waits until the server has asked for the media of each of them.
    pub(crate) fn until_asked(&self, recordings: &[String]) -> Result<(), Box<dyn Error>> {
        let all = async {
            for sid in recordings {
                self.simulator.until(sid, |stats| stats.media_requests > 0).await;
            }
        };
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, all).await })
            .map_err(|_| "the server did not ask for every recording that is played".into())
    }

    pub(crate) fn release(&self, recording: &str) {
        self.simulator.release(recording);
    }

    /// How often the media of a recording was asked for.
    pub(crate) fn asked(&self, recording: &str) -> u64 {
        self.simulator.stats(recording).media_requests
    }
}
