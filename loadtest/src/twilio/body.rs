//! The bytes of a recording on their way out: paced, held, cut; knows no paths and no credentials.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;

use super::Format;
use super::faults::Faults;
use super::recordings::Entry;
use super::state::State;

/// Bytes rendered at once: enough to keep a fast connection busy, little enough for thousands of connections.
const CHUNK: u64 = 64 * 1024;
/// The server only writes out what it has gathered when the body pauses; a body that ends in an error must pause before.
const FLUSH: Duration = Duration::from_millis(20);

/// A media request from its first line to the last byte of the answer; counts itself in and out.
pub(super) struct InFlight {
    state: Arc<State>,
    entry: Arc<Entry>,
    of_account: u32,
}

impl InFlight {
    /// `first` is false for a request that followed a redirect: it is part of one that was counted already.
    pub(super) fn begin(state: &Arc<State>, entry: &Arc<Entry>, first: bool) -> Self {
        let of_account = state.in_flight(&entry.recording.account_sid, true);
        state.count(Some(entry), |stats| {
            stats.media_requests += u64::from(first);
            stats.media_in_flight += 1;
            stats.media_max_in_flight = stats.media_max_in_flight.max(stats.media_in_flight);
        });
        Self { state: Arc::clone(state), entry: Arc::clone(entry), of_account }
    }

    pub(super) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// How many media requests the account had in flight with this one.
    pub(super) fn of_account(&self) -> u32 {
        self.of_account
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.state.in_flight(&self.entry.recording.account_sid, false);
        self.state.count(Some(&self.entry), |stats| stats.media_in_flight -= 1);
    }
}

struct Flow {
    request: InFlight,
    faults: Faults,
    cut: Option<u64>,
    format: Format,
    channels: u8,
    size: u64,
    sent: u64,
    started: Instant,
    over: bool,
}

/// The media as a body that is rendered while it is read.
pub(super) fn send(request: InFlight, faults: Faults, format: Format, channels: u8) -> Body {
    let entry = request.entry();
    let size = entry.audio.size(format, channels);
    let (_, cut) = request.state.decide(Some(entry), |faults, used| used.cut(faults));
    let flow = Flow { request, faults, cut, format, channels, size, sent: 0, started: Instant::now(), over: false };
    Body::from_stream(stream::unfold(flow, |mut flow| async move {
        let stop = flow.request.state.stop.clone();
        let part = tokio::select! {
            part = flow.next() => part?,
            () = stop.cancelled() => Err(io::Error::other("the simulator stops")),
        };
        flow.over |= part.is_err();
        Some((part, flow))
    }))
}

impl Flow {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return None;
        }
        self.wait().await;
        if self.cut.is_some_and(|cut| self.sent >= cut) {
            tokio::time::sleep(FLUSH).await;
            return Some(Err(io::Error::other("cut as scripted")));
        }
        let part = self.render();
        if part.is_empty() {
            if self.faults.wrong_length.is_some_and(|more| more > 0) {
                tokio::time::sleep(FLUSH).await;
            }
            return None;
        }
        let length = part.len() as u64;
        self.sent += length;
        // Counted with the last part: a server that knows the length never asks for what comes after it.
        let complete = u64::from(self.sent == self.size);
        self.request.state.count(Some(&self.request.entry), |stats| {
            stats.media_bytes += length;
            stats.media_completed += complete;
        });
        Some(Ok(part))
    }

    /// Until the next part may go out.
    async fn wait(&self) {
        if self.faults.bytes_per_second > 0 {
            let due = Duration::from_secs_f64(self.sent as f64 / self.faults.bytes_per_second as f64);
            tokio::time::sleep_until(self.started + due).await;
        }
        if self.faults.hold_after.is_some_and(|held| self.sent >= held) {
            let mut gate = self.request.entry.gate.subscribe();
            // As for the headers: the sender outlives every request.
            let _ = gate.wait_for(|gate| gate.rest_of_body).await;
        }
    }

    fn render(&self) -> Bytes {
        let mut limit = CHUNK;
        if self.faults.bytes_per_second > 0 {
            // Some twenty parts a second, so that a slow body flows instead of jerking.
            limit = (self.faults.bytes_per_second / 20).clamp(1, CHUNK);
        }
        for bound in [self.cut, self.faults.hold_after].into_iter().flatten() {
            if bound > self.sent {
                limit = limit.min(bound - self.sent);
            }
        }
        if self.faults.garbage {
            let left = (self.size - self.sent).min(limit) as usize;
            return Bytes::from(vec![b'?'; left]);
        }
        self.request.entry.audio.read(self.format, self.channels, self.sent, limit as usize)
    }
}
