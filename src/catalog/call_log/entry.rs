//! A row of the table as a call, or why it is none. Knows neither the table's names nor what becomes of it.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use tokio::time::Duration;
use tokio_postgres::Row;

use crate::catalog::NewCall;
use crate::recording::{About, Sid, Tenant, Timestamp};

/// Longest text of a call's details, in bytes: what the API takes.
const MOST_TEXT: usize = 1000;

/// A place in the table: microseconds since the epoch, and the call there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The time in the row.
    pub at: i64,
    /// The call as it is written there.
    pub call_sid: String,
}

impl Place {
    /// After every row.
    pub fn end() -> Self {
        Self { at: 253_402_300_800_000_000, call_sid: String::new() }
    }

    /// So much before it.
    pub fn less(&self, span: Duration) -> Self {
        Self { at: self.at.saturating_sub(span.as_micros() as i64).max(0), call_sid: String::new() }
    }
}

/// A row, whether it is of use or not.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands; nowhere when its time is none.
    pub place: Option<Place>,
    /// The call, or why it is none.
    pub leg: Result<Leg, Skipped>,
    /// Changes with what it says.
    pub hash: u64,
}

/// A call, which may be a leg of another one.
#[derive(Clone, Debug)]
pub struct Leg {
    /// What to register.
    pub call: NewCall,
    /// The call that it is a leg of.
    pub parent: Option<Sid>,
}

/// Why a row is no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// Its SID is none.
    BadSid,
    /// It does not say whose it is.
    NoTenant,
    /// It does not say which account it was made in, and none is configured.
    NoAccount,
}

impl Skipped {
    /// In words.
    pub const fn why(self) -> &'static str {
        match self {
            Self::BadSid => "no SID of a call",
            Self::NoTenant => "no tenant",
            Self::NoAccount => "no account, and call_log.default_account is not set",
        }
    }
}

impl Entry {
    /// Reads a row of [`Shape::select`](super::shape::Shape). Nothing in it is a failure: what cannot be read is left out.
    pub(super) fn read(row: &Row, default_account: Option<&str>) -> Self {
        let text = |n: usize| row.try_get::<_, Option<&str>>(n).ok().flatten().map(str::trim).filter(|t| !t.is_empty());
        let micros = row.try_get::<_, Option<i64>>(2).ok().flatten();
        let mut hasher = DefaultHasher::new();
        micros.hash(&mut hasher);
        (0..row.len()).filter(|n| *n != 2).for_each(|n| text(n).hash(&mut hasher));
        let raw_sid = row.try_get::<_, Option<&str>>(0).ok().flatten().unwrap_or_default();
        Self {
            place: micros.map(|at| Place { at, call_sid: raw_sid.to_owned() }),
            leg: leg(&text, micros, default_account),
            hash: hasher.finish(),
        }
    }
}

fn leg<'a>(
    text: &impl Fn(usize) -> Option<&'a str>,
    micros: Option<i64>,
    default_account: Option<&str>,
) -> Result<Leg, Skipped> {
    let call_sid = text(0).and_then(call).ok_or(Skipped::BadSid)?;
    let tenant = text(1).and_then(Tenant::new).ok_or(Skipped::NoTenant)?;
    let (url_account, url_recording) = text(6).map_or((None, None), sids_of);
    let account = text(4).filter(|sid| is_account(sid)).or(url_account).or(default_account);
    let duration = text(7).and_then(|text| text.parse::<f64>().ok());
    let short = |n: usize| text(n).filter(|text| text.len() <= MOST_TEXT).map(Box::from);
    Ok(Leg {
        call: NewCall {
            call_sid,
            tenant,
            account_sid: account.ok_or(Skipped::NoAccount)?.to_owned(),
            recording_sid: text(5).and_then(recording).or(url_recording),
            about: About {
                started_at: micros.map(|at| Timestamp(at.div_euclid(1000))),
                duration_s: duration.filter(|s| (0.0..=f64::from(u32::MAX)).contains(s)).map(|s| s.round() as u32),
                from: short(8),
                to: short(9),
                direction: short(10),
                title: short(11),
            },
        },
        parent: text(3).and_then(call).filter(|parent| *parent != call_sid),
    })
}

fn call(text: &str) -> Option<Sid> {
    text.parse().ok().filter(Sid::is_call)
}

fn recording(text: &str) -> Option<Sid> {
    text.parse().ok().filter(|sid: &Sid| !sid.is_call())
}

fn is_account(text: &str) -> bool {
    text.len() == 34 && text.starts_with("AC") && text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}

/// The account and the recording in a URL like `…/Accounts/AC…/Recordings/RE….mp3`.
fn sids_of(url: &str) -> (Option<&str>, Option<Sid>) {
    let mut parts = url.split(['/', '.', '?']);
    (parts.clone().find(|part| is_account(part)), parts.find_map(recording))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "CA00000000000000000000000000000001";
    const ACCOUNT: &str = "AC00000000000000000000000000000001";

    fn read(cells: [Option<&str>; 12], default: Option<&str>) -> Result<Leg, Skipped> {
        leg(&|n| cells[n], Some(1_700_000_000_123_456), default)
    }

    #[test]
    fn account_and_recording_are_read_from_the_url_where_no_column_has_them() {
        let mut cells = [None; 12];
        (cells[0], cells[1], cells[7]) = (Some(CALL), Some("7"), Some("61.4"));
        let url = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE{:032x}.mp3?x=1", 5);
        cells[6] = Some(&url);
        let read = read(cells, None).unwrap().call;
        assert_eq!((read.account_sid.as_str(), read.about.duration_s), (ACCOUNT, Some(61)));
        assert_eq!(read.recording_sid.unwrap().as_str(), format!("RE{:032x}", 5));
        assert_eq!(read.about.started_at, Some(Timestamp(1_700_000_000_123)));
    }

    #[test]
    fn a_row_without_a_call_a_tenant_or_an_account_is_skipped_with_the_reason() {
        let mut cells = [None; 12];
        assert_eq!(read(cells, None).unwrap_err(), Skipped::BadSid);
        cells[0] = Some("CA-is-no-sid");
        assert_eq!(read(cells, None).unwrap_err(), Skipped::BadSid);
        cells[0] = Some(CALL);
        assert_eq!(read(cells, None).unwrap_err(), Skipped::NoTenant);
        cells[1] = Some("7");
        assert_eq!(read(cells, None).unwrap_err(), Skipped::NoAccount);
        (cells[3], cells[5], cells[7]) = (Some(CALL), Some("garbage"), Some("00:01:05"));
        let leg = read(cells, Some(ACCOUNT)).unwrap();
        assert_eq!((leg.parent, leg.call.recording_sid, leg.call.about.duration_s), (None, None, None));
    }
}
