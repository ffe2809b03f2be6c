//! Wall-clock time as the catalog and the wire write it; deadlines and waits use tokio's clock instead.

use jiff::fmt::temporal::DateTimePrinter;

/// Milliseconds since the Unix epoch, UTC. Shown as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment by the machine's clock.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(since.map_or(0, |d| d.as_millis() as i64))
    }

    /// The moment that RFC 3339 text with an offset names.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }

    /// The moment that RFC 2822 text names, as Twilio's resources write dates.
    pub fn parse_rfc2822(text: &str) -> Option<Self> {
        let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Self(zoned.timestamp().as_millisecond()))
    }

    /// That moment plus a span.
    pub fn plus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// That moment less a span.
    pub fn minus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The span from an earlier moment to this one; none when that moment is still to come.
    pub const fn since(self, earlier: Self) -> std::time::Duration {
        let span = self.0.saturating_sub(earlier.0);
        std::time::Duration::from_millis(if span > 0 { span.unsigned_abs() } else { 0 })
    }

    /// Whole seconds since the epoch, as JWTs count.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        f.write_str(&DateTimePrinter::new().precision(Some(3)).timestamp_to_string(&moment))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_in_utc() {
        assert_eq!(Timestamp(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp::parse("2023-11-15T00:13:20.123+02:00"), Some(Timestamp(1_700_000_000_123)));
    }

    #[test]
    fn twilio_dates_are_read() {
        assert_eq!(Timestamp::parse_rfc2822("Tue, 14 Nov 2023 22:13:20 +0000"), Some(Timestamp(1_700_000_000_000)));
        assert_eq!(Timestamp::parse_rfc2822("yesterday"), None);
    }
}
