//! Calls that keep coming, for demonstrations: added, processed for a while, completed, announced; knows no routes.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::callbacks::{self, Callback};
use super::recordings::{NewRecording, Status};
use super::state::State;
use crate::random::Random;

/// What kind of calls come, and how often.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// From one call to the next.
    pub every: Duration,
    /// Their lengths in seconds, evenly spread. The calls themselves take no time: they come when they are over.
    pub seconds: RangeInclusive<u32>,
    /// 1 or 2.
    pub channels: u8,
    /// How long the media takes to be made.
    pub processing: Duration,
    /// Where completed recordings are announced.
    pub callback: Option<String>,
    /// The URL that is signed, when it is another one.
    pub signed_url: Option<String>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(5),
            seconds: 20..=240,
            channels: 2,
            processing: Duration::from_secs(2),
            callback: None,
            signed_url: None,
        }
    }
}

pub(super) fn start(state: &Arc<State>, tasks: &TaskTracker, traffic: Traffic) {
    let (state, spawner) = (Arc::clone(state), tasks.clone());
    let traffic = Arc::new(traffic);
    tasks.spawn(async move {
        let mut random = Random::unpredictable();
        loop {
            // Each call goes its own way, so that one that processes for long does not delay the next.
            let (call, stop) = (announce(Arc::clone(&state), Arc::clone(&traffic), random.draw()), state.stop.clone());
            spawner.spawn(async move {
                tokio::select! {
                    () = call => {}
                    () = stop.cancelled() => {}
                }
            });
            tokio::select! {
                () = tokio::time::sleep(traffic.every) => {}
                () = state.stop.cancelled() => return,
            }
        }
    });
}

async fn announce(state: Arc<State>, traffic: Arc<Traffic>, seed: u64) {
    let (shortest, longest) = (u64::from(*traffic.seconds.start()), u64::from(*traffic.seconds.end()));
    let seconds = Random::seeded(seed).between(shortest, longest) as f64;
    let channels = traffic.channels;
    let new = NewRecording { seconds, channels, status: Status::Processing, seed: Some(seed), ..Default::default() };
    let recording = match state.add(new) {
        Ok(recording) => recording,
        Err(why) => return tracing::warn!(why, "a call could not be added"),
    };
    tokio::time::sleep(traffic.processing).await;
    if let Some(entry) = state.entry(&recording.recording_sid) {
        entry.set_status(Status::Completed);
    }
    tracing::info!(
        call_sid = recording.call_sid,
        recording_sid = recording.recording_sid,
        seconds,
        "a recording is completed"
    );
    if let Some(url) = &traffic.callback {
        let signed_url = traffic.signed_url.clone();
        let callback =
            Callback { signed_url, ..Callback::new(url, &recording.recording_sid, Status::Completed.as_str()) };
        match callbacks::send(&state, &callback).await {
            Ok(delivery) if delivery.status < 300 => {}
            Ok(delivery) => {
                tracing::warn!(url, status = delivery.status, "the callback was refused")
            }
            Err(error) => tracing::warn!(url, %error, "the callback was not delivered"),
        }
    }
}
