//! The recorder: what is counted, in which buckets, from when on, and how Prometheus reads it. Knows no event.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::UNKNOWN;

/// From 50 µs to a minute, for what has no bounds of its own.
const SECONDS: [f64; 18] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    30.0, 60.0,
];

/// From signal to socket: the objective is 10 ms, which must be a bound; around it they lie close.
const PUSH: [f64; 16] =
    [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.015, 0.02, 0.05, 0.1, 0.5, 2.5];

/// What a listener waits for a download. Nobody waits for less than the provider's answer, nor for more than its last try.
const WAITED: [f64; 14] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0, 120.0];

/// Counters that stand at zero from the start, each with the values of its label: of one that appears with its first event,
/// Prometheus sees no increase, and an alert on it would miss just that event. Those whose values have no end are not here.
const FROM_ZERO: [(&str, &str, &[&str]); 15] = [
    ("landfall_missed_signals_recovered_total", "", &[""]),
    ("landfall_audit_lost_total", "", &[""]),
    ("landfall_leases_lost_total", "", &[""]),
    ("landfall_download_bytes_total", "", &[""]),
    ("landfall_signals_lost_total", "reason", &["full", "unsent", "malformed"]),
    ("landfall_downloads_total", "outcome", &["landed", "failed", "gone"]),
    ("landfall_source_requests_total", "status", &["200", "401", "403", "404", "429", "error", "refused"]),
    ("landfall_webhooks_total", "outcome", &["accepted", "bad_signature", "recovered", "repeated", "waiting"]),
    ("landfall_login_requests_total", "outcome", &["known", "refused", "trouble"]),
    ("landfall_retention_removed_total", "reason", &["days", "bytes"]),
    ("landfall_media_bytes_total", "result", &["hit", "landing"]),
    ("landfall_job_retries_total", "reason", &["not_yet_at_source", "source_busy", "source_failed"]),
    ("landfall_websocket_closed_total", "code", &CLOSES),
    ("landfall_websocket_rejected_total", "reason", &["draining", "handshake", "origin"]),
    ("landfall_limits_total", "limit", &LIMITS),
];

/// How sockets usually close, and all the ways in which we close them.
const CLOSES: [&str; 15] = [
    "1000", "1001", "1005", "1006", "1009", "4400", "4401", "4403", "4406", "4408", "4429", "4500", "4501", "4502",
    "4503",
];

/// The bounds that are counted: the table of docs/security.md, by label.
const LIMITS: [&str; 30] = [
    "body_bytes",
    "call_log_lookups",
    "catalog_connections",
    "connections",
    "connections_per_address",
    "connections_waiting",
    "failed_logins_per_minute",
    "following_stalled",
    "forward_lookups",
    "forward_waiting",
    "jobs",
    "jobs_waiting",
    "keys_counted",
    "landings_to_note",
    "operators",
    "peaks_waiting",
    "prepares_per_minute",
    "prepares_per_minute_per_address",
    "requests_at_once",
    "requests_per_minute",
    "requests_per_minute_per_address",
    "rq_lookups",
    "sids_per_socket",
    "signals_waiting",
    "slow_body",
    "slow_head",
    "slow_reader",
    "sockets_per_address",
    "sockets_per_user",
    "waiting_requests",
];

/// Installs the recorder; once per process.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    describe();
    from_zero();
    gauge!("landfall_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

pub(super) fn builder() -> Result<PrometheusBuilder, BuildError> {
    let full = |name: &str| Matcher::Full(format!("landfall_{name}_seconds"));
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(full("ready_push"), &PUSH)?
        .set_buckets_for_metric(full("wait"), &WAITED)?
        .set_buckets_for_metric(full("download"), &WAITED)
}

fn from_zero() {
    for (name, label, values) in FROM_ZERO {
        for value in values {
            if label.is_empty() {
                counter!(name).increment(0);
            } else {
                counter!(name, label => *value).increment(0);
            }
        }
    }
}

/// All that has been counted, as Prometheus reads it, with the process's own figures. What is unknown is not there. Blocks:
/// open files are counted one by one.
pub fn exposition(handle: &PrometheusHandle) -> String {
    Collector::default().collect();
    let text = handle.render();
    let unknown = format!("landfall_volume_shared {UNKNOWN}\n");
    if text.contains(&unknown) { text.replace(&unknown, "") } else { text }
}

fn describe() {
    describe_counter!("landfall_media_requests_total", "Requests for a recording's bytes, by what came of them");
    describe_counter!("landfall_media_bytes_total", Unit::Bytes, "Bytes of recordings promised in answers");
    describe_counter!("landfall_http_requests_total", "Requests answered");
    describe_histogram!("landfall_http_request_duration_seconds", Unit::Seconds, "From request to answer's head");
    describe_histogram!("landfall_media_first_byte_seconds", Unit::Seconds, "From request to a recording's first byte");
    describe_gauge!("landfall_websocket_connections", "Open sockets");
    describe_counter!("landfall_websocket_closed_total", "Sockets closed, by code");
    describe_counter!("landfall_websocket_rejected_total", "Upgrades refused, by reason");
    describe_counter!("landfall_login_requests_total", "Questions to auth.forward_url, by outcome");
    describe_gauge!("landfall_subscriptions", "Recordings watched, once per listener");
    describe_gauge!("landfall_waiters", "Held requests and plays that have not ended");
    describe_histogram!("landfall_ready_push_seconds", Unit::Seconds, "From signal to the listener's socket");
    describe_histogram!("landfall_wait_seconds", Unit::Seconds, "From play to ready or failed");
    describe_counter!("landfall_missed_signals_recovered_total", "Landings that the sweep found and no signal told");
    describe_gauge!("landfall_jobs", "Downloads, by state; dead: given up within the last day");
    describe_counter!(
        "landfall_leases_lost_total",
        "Jobs that a worker lost to another, having been silent for too long"
    );
    describe_counter!(
        "landfall_signals_lost_total",
        "Messages between processes that were not sent or not read, by reason"
    );
    describe_counter!("landfall_job_retries_total", "Downloads tried again, by reason");
    describe_counter!("landfall_downloads_total", "Downloads ended, by outcome");
    describe_histogram!("landfall_download_seconds", Unit::Seconds, "From lease to landing");
    describe_counter!("landfall_download_bytes_total", Unit::Bytes, "Bytes fetched from the source");
    describe_counter!("landfall_peaks_total", "Waveforms drawn, by outcome");
    describe_histogram!("landfall_peaks_seconds", Unit::Seconds, "From a recording's first byte to its waveform");
    describe_counter!("landfall_source_requests_total", "Requests to the source, by status");
    describe_counter!("landfall_webhooks_total", "Callbacks received, by outcome");
    describe_gauge!("landfall_volume_recordings", "Recordings in the volume");
    describe_gauge!("landfall_volume_bytes", Unit::Bytes, "Bytes of recordings in the volume");
    describe_gauge!("landfall_volume_free_bytes", Unit::Bytes, "Free bytes on the volume");
    describe_gauge!("landfall_volume_shared", "1 when all processes are proven to share the volume, 0 when not");
    describe_counter!("landfall_retention_removed_total", "Recordings that expired, by reason");
    describe_counter!("landfall_audit_lost_total", "Entries of the audit that the catalog has not taken");
    describe_counter!(
        "landfall_call_log_rows_total",
        "Rows of the table call_log that were read, by what came of them"
    );
    describe_counter!("landfall_call_log_lookups_total", "Looks into the table call_log for unknown calls, by outcome");
    describe_counter!("landfall_limits_total", "Requests and frames refused because a bound was reached");
    describe_gauge!("landfall_build_info", "1, with the version as label");
    Collector::default().describe();
}
