//! What the server says of itself at `/metrics`, as far as leaks show there.

use serde::{Deserialize, Serialize};

use super::context::Context;

/// One look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerMetrics {
    /// Bytes of resident memory.
    pub resident_bytes: f64,
    /// Open files.
    pub open_files: f64,
    /// Open sockets of listeners.
    pub sockets: f64,
    /// Entries of the wait map, once per listener.
    pub subscriptions: f64,
    /// Plays and held requests that have not ended.
    pub waiters: f64,
    /// CPU seconds since its start.
    pub cpu_seconds: f64,
    /// Landings that only the sweep noticed.
    pub missed_signals: f64,
}

impl ServerMetrics {
    /// Asks the server; none when it does not answer, or does not tell this client.
    pub(super) async fn look(context: &Context) -> Option<Self> {
        let answer = context.client.get(context.target.url("/metrics")).send().await.ok()?;
        let text = answer.error_for_status().ok()?.text().await.ok()?;
        Some(Self::parse(&text))
    }

    /// Reads Prometheus' text format; what is not there is 0.
    fn parse(text: &str) -> Self {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
        };
        Self {
            resident_bytes: value("process_resident_memory_bytes"),
            open_files: value("process_open_fds"),
            sockets: value("landfall_websocket_connections"),
            subscriptions: value("landfall_subscriptions"),
            waiters: value("landfall_waiters"),
            cpu_seconds: value("process_cpu_seconds_total"),
            missed_signals: value("landfall_missed_signals_recovered_total"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format_is_read_by_whole_names() {
        let text = "# HELP x\nprocess_open_fds_more 1\nprocess_open_fds 31\nlandfall_waiters 2\n";
        let metrics = ServerMetrics::parse(text);
        assert_eq!((metrics.open_files, metrics.waiters, metrics.sockets), (31.0, 2.0, 0.0));
    }
}
