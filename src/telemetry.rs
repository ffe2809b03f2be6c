//! Named events: each function counts, and logs where a person should know. Labels have few values, and no secret,
//! SID or tenant is ever one. What they are called, and how they are told to Prometheus, is in `recorder`.

mod recorder;
#[cfg(test)]
pub mod testing;

use std::cell::RefCell;

use metrics::{Counter, Histogram, SharedString, counter, gauge, histogram};
use tokio::time::Duration;
use tracing::{info, warn};

use crate::recording::{Code, Sid, State};

pub use recorder::{exposition, install};

/// The value of a gauge of which nothing is known: a recorder forgets none.
const UNKNOWN: f64 = f64::NAN;

/// A request was answered.
pub fn http_request(route: SharedString, method: &'static str, status: u16, took: Duration) {
    let status = status_label(status);
    counter!("landfall_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    histogram!("landfall_http_request_duration_seconds", "route" => route).record(took);
}

/// Whether all processes share one volume, once that is known.
pub fn volume_shared(is_shared: Option<bool>) {
    gauge!("landfall_volume_shared").set(is_shared.map_or(UNKNOWN, |is_shared| if is_shared { 1.0 } else { 0.0 }));
}

/// Entries of the audit are lost: the catalog has not answered for long, or not at the end.
pub fn audit_lost(entries: usize) {
    counter!("landfall_audit_lost_total").increment(entries as u64);
}

/// A recording's bytes were asked for. `result` is `hit`, `landing`, `miss`, `gone` or `denied`.
pub fn media_request(result: &'static str, route: &'static str, bytes: u64, took: Duration) {
    thread_local!(static FOUND: Found<2, (Counter, Counter, Histogram)> = Found::default());
    let find = || {
        let requests = counter!("landfall_media_requests_total", "result" => result, "route" => route);
        let bytes = counter!("landfall_media_bytes_total", "result" => result);
        (requests, bytes, histogram!("landfall_media_first_byte_seconds", "result" => result))
    };
    FOUND.with(|found| {
        found.using([result, route], find, |(requests, promised, first_byte)| {
            requests.increment(1);
            promised.increment(bytes);
            first_byte.record(took);
        });
    });
}

/// A request was answered, on a route whose requests are many.
pub fn hot_request(route: &'static str, method: &'static str, status: u16, took: Duration) {
    thread_local!(static FOUND: Found<3, (Counter, Histogram)> = Found::default());
    let status = status_label(status);
    let find = || {
        let requests =
            counter!("landfall_http_requests_total", "route" => route, "method" => method, "status" => status);
        (requests, histogram!("landfall_http_request_duration_seconds", "route" => route))
    };
    FOUND.with(|found| {
        found.using([route, method, status], find, |(requests, duration)| {
            requests.increment(1);
            duration.record(took);
        });
    });
}

/// Meters by their labels, found once per thread: on the hot route, finding them would cost more than counting.
struct Found<const LABELS: usize, M>(RefCell<Vec<([&'static str; LABELS], M)>>);

impl<const LABELS: usize, M> Default for Found<LABELS, M> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<const LABELS: usize, M> Found<LABELS, M> {
    fn using(&self, labels: [&'static str; LABELS], find: impl FnOnce() -> M, count: impl FnOnce(&M)) {
        let mut found = self.0.borrow_mut();
        let at = found.iter().position(|(known, _)| *known == labels).unwrap_or_else(|| {
            found.push((labels, find()));
            found.len() - 1
        });
        count(&found[at].1);
    }
}

/// A socket was opened.
pub fn socket_opened() {
    gauge!("landfall_websocket_connections").increment(1);
}

/// A socket was closed; 1006 when the connection just ended.
pub fn socket_closed(code: u16) {
    gauge!("landfall_websocket_connections").decrement(1);
    counter!("landfall_websocket_closed_total", "code" => code.to_string()).increment(1);
}

/// The login's endpoint was asked who somebody is. `outcome` is `known`, `refused` or `trouble`.
pub fn login_asked(outcome: &'static str) {
    counter!("landfall_login_requests_total", "outcome" => outcome).increment(1);
}

/// An upgrade was refused.
pub fn socket_rejected(reason: &'static str) {
    counter!("landfall_websocket_rejected_total", "reason" => reason).increment(1);
}

/// A change of state was written to a listener's connection.
pub fn pushed(state: State, took: Duration) {
    thread_local!(static FOUND: Found<0, Histogram> = Found::default());
    if state == State::Ready {
        let find = || histogram!("landfall_ready_push_seconds");
        FOUND.with(|found| found.using([], find, |delay| delay.record(took)));
    }
}

/// Somebody began to wait for a recording.
pub fn wait_began() {
    gauge!("landfall_waiters").increment(1);
}

/// A wait ended: `ready`, `landing`, `failed`, `gone`, `left` or `timeout`.
pub fn wait_ended(outcome: &'static str, took: Duration) {
    gauge!("landfall_waiters").decrement(1);
    histogram!("landfall_wait_seconds", "outcome" => outcome).record(took);
}

/// A bound was reached; its name is the limit's key.
pub fn limited(limit: &'static str) {
    counter!("landfall_limits_total", "limit" => limit).increment(1);
}

/// The sweep found a landing that no signal had told.
pub fn missed_signal_recovered(sid: Sid) {
    counter!("landfall_missed_signals_recovered_total").increment(1);
    warn!(%sid, "a landing was found by the sweep: its signal was lost");
}

/// A recording landed and waiters were told, but the catalog could not be written.
pub fn landing_not_noted(sid: Sid, why: &str) {
    warn!(%sid, why, "a landing was not noted in the catalog; the next look at it will");
}

/// The source answered, or not (`error`).
pub fn source_request(status: &str) {
    counter!("landfall_source_requests_total", "status" => status.to_owned()).increment(1);
}

/// The source leads where we do not connect to.
pub fn connection_refused(host: &str, why: &str) {
    source_request("refused");
    warn!(host, why, "a connection was refused");
}

/// A download will be tried again.
pub fn download_retried(sid: Sid, code: Code, after: Duration, why: &str) {
    counter!("landfall_job_retries_total", "reason" => code.as_str()).increment(1);
    info!(%sid, code = code.as_str(), after_ms = after.as_millis() as u64, why, "download to be tried again");
}

/// A worker lost its job: it said nothing for longer than a lease lasts.
pub fn lease_lost(sid: Sid) {
    counter!("landfall_leases_lost_total").increment(1);
    warn!(%sid, "a job was lost: this worker was silent for too long, and another may have it by now");
}

/// A message between processes is lost: `full`, `unsent` or `malformed`.
pub fn signal_lost(reason: &'static str) {
    counter!("landfall_signals_lost_total", "reason" => reason).increment(1);
}

/// A recording landed.
pub fn download_landed(sid: Sid, bytes: u64, took: Duration) {
    counter!("landfall_downloads_total", "outcome" => "landed").increment(1);
    counter!("landfall_download_bytes_total").increment(bytes);
    histogram!("landfall_download_seconds").record(took);
    info!(%sid, bytes, took_ms = took.as_millis() as u64, "recording landed");
}

/// A recording's waveform was drawn, and kept.
pub fn waveform_drawn(took: Duration) {
    counter!("landfall_peaks_total", "outcome" => "drawn").increment(1);
    histogram!("landfall_peaks_seconds").record(took);
}

/// A recording cannot be drawn: `undecodable`, or `failed` for now.
pub fn waveform_missing(sid: Sid, outcome: &'static str, why: &str) {
    counter!("landfall_peaks_total", "outcome" => outcome).increment(1);
    warn!(%sid, outcome, why, "no waveform could be drawn");
}

/// A download was given up.
pub fn download_ended(sid: Sid, outcome: &'static str, code: Code, why: &str) {
    counter!("landfall_downloads_total", "outcome" => outcome).increment(1);
    warn!(%sid, code = code.as_str(), why, "download ended without a recording");
}

/// A callback was answered: `accepted`, `waiting`, `repeated`, `bad_signature`, `bad_request`, `failed`; or one that never
/// came was `recovered`.
pub fn webhook(outcome: &'static str) {
    counter!("landfall_webhooks_total", "outcome" => outcome).increment(1);
}

/// A row of the table `call_log` was read: `registered`, `known`, `conflict`, `erased` or `skipped`.
pub fn call_log_row(outcome: &'static str) {
    counter!("landfall_call_log_rows_total", "outcome" => outcome).increment(1);
}

/// The table says that a call is another tenant's or account's than ours.
pub fn call_log_conflict(sid: Sid) {
    call_log_row("conflict");
    warn!(%sid, "the call is another tenant's or account's in call_log than here; ours stays");
}

/// Rows of the table are no calls, each for that reason.
pub fn call_log_skipped(rows: usize, why: &'static str) {
    warn!(rows, why, "rows of call_log are no calls, and are left out");
}

/// The table was asked for unknown calls: `found` (one at least), `unknown` or `failed`.
pub fn call_log_lookup(outcome: &'static str) {
    counter!("landfall_call_log_lookups_total", "outcome" => outcome).increment(1);
}

/// Somebody had a recording, or all of a call, erased.
pub fn erased(sid: Sid, recordings: usize) {
    info!(%sid, recordings, "erased");
}

/// A recording expired: `days` or `bytes`.
pub fn retention_removed(sid: Sid, reason: &'static str, bytes: u64) {
    counter!("landfall_retention_removed_total", "reason" => reason).increment(1);
    info!(%sid, reason, bytes, "recording expired");
}

/// What was erased, or has expired, lies in the volume still.
pub fn not_removed(sid: Sid, why: &str) {
    warn!(%sid, why, "a file that must not be there could not be removed; it is not served, and removed at the next start");
}

/// The provider has no copy of it any more.
pub fn deleted_at_source(sid: Sid) {
    info!(%sid, "deleted at the source");
}

/// The provider did not delete its copy.
pub fn not_deleted_at_source(sid: Sid, again: Duration, why: &str) {
    warn!(%sid, why, again_s = again.as_secs(), "not deleted at the source; to be tried again");
}

/// Gauges that are read when somebody asks for the metrics.
pub struct Levels {
    /// Attached waiters.
    pub subscriptions: u64,
    /// Jobs that can be leased, wait for a retry, are in hand, were given up; `None` while the queue does not answer.
    pub jobs: Option<[u64; 4]>,
}

/// Sets them.
pub fn levels(levels: &Levels) {
    gauge!("landfall_subscriptions").set(levels.subscriptions as f64);
    for (state, count) in ["ready", "delayed", "leased", "dead"].into_iter().zip(levels.jobs.into_iter().flatten()) {
        gauge!("landfall_jobs", "state" => state).set(count as f64);
    }
}

/// What lies in the volume: counted now and then, in the background.
pub fn volume_contents(recordings: u64, bytes: u64) {
    gauge!("landfall_volume_recordings").set(recordings as f64);
    gauge!("landfall_volume_bytes").set(bytes as f64);
}

/// What is free on the volume.
pub fn volume_free(bytes: u64) {
    gauge!("landfall_volume_free_bytes").set(bytes as f64);
}

/// The status codes we answer with, as text that needs no allocation.
fn status_label(status: u16) -> &'static str {
    match status {
        101 => "101",
        200 => "200",
        201 => "201",
        202 => "202",
        204 => "204",
        206 => "206",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        410 => "410",
        412 => "412",
        413 => "413",
        415 => "415",
        416 => "416",
        422 => "422",
        426 => "426",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        _ => "other",
    }
}
