//! The header fields of media, read and written.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::{Duration, SystemTime};

use crate::auth::Purpose;
use crate::delivery::{Following, Shelved};
use crate::http::app::App;
use crate::http::fields::Fields;
use crate::range::{self, IfRange, Outcome, Plan, Preconditions, Validators};
use crate::recording::{Media, Recording, Sid, download_name};

/// Whether a browser shows the recording or saves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// To be heard in place.
    Inline,
    /// To be saved.
    Attachment,
}

impl Disposition {
    /// The route's name in metrics.
    pub const fn route(self) -> &'static str {
        match self {
            Self::Inline => "/api/recordings/file/{sid}",
            Self::Attachment => "/api/calls/{sid}/download",
        }
    }

    /// What a link must be for to open the route.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Inline => Purpose::Play,
            Self::Attachment => Purpose::Download,
        }
    }
}

/// What is told of a recording's bytes besides them.
pub(super) struct Representation<'a> {
    pub recording: &'a Recording,
    pub media: Media,
    pub validators: Validators<'a>,
}

impl<'a> From<&'a Shelved> for Representation<'a> {
    fn from(of: &'a Shelved) -> Self {
        Self { recording: &of.recording, media: of.media, validators: of.validators() }
    }
}

impl<'a> From<&'a Following> for Representation<'a> {
    fn from(of: &'a Following) -> Self {
        Self { recording: &of.recording, media: of.media, validators: of.validators() }
    }
}

/// What may stand unescaped in an `ext-value` (RFC 8187 §3.2.1).
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
/// Longest title that becomes a file name, in characters: most file systems take 255 bytes.
const MOST_TITLE: usize = 80;

/// Decides by the conditional fields. A field we cannot read counts as absent.
pub(super) fn preconditions(request: &impl Fields, of: Validators<'_>) -> Outcome {
    let (if_match, if_none_match) = (joined(request, &IF_MATCH), joined(request, &IF_NONE_MATCH));
    let if_range = request.text(&IF_RANGE).map(|value| {
        // A tag is quoted; a date that is none matches nothing (§13.1.5).
        let tag = value.starts_with('"') || value.starts_with("W/");
        if tag { IfRange::Tag(value) } else { seconds(value).map_or(IfRange::Tag(value), IfRange::Date) }
    });
    let given = Preconditions {
        if_match: if_match.as_deref(),
        if_unmodified_since: request.text(&IF_UNMODIFIED_SINCE).and_then(seconds),
        if_none_match: if_none_match.as_deref(),
        if_modified_since: request.text(&IF_MODIFIED_SINCE).and_then(seconds),
        if_range,
    };
    given.evaluate(of)
}

/// What to send of a recording to a GET whose conditions are met or not.
pub(super) fn plan(request: &impl Fields, outcome: Outcome, size: u64) -> Plan {
    match request.text(&RANGE) {
        Some(field) if outcome == Outcome::Proceed => range::plan(field, size),
        _ => Plan::Whole,
    }
}

/// What 200, 206, 304 and HEAD have in common.
pub(super) fn describe(to: &mut HeaderMap, app: &App, asked: Sid, of: &Representation<'_>, disposition: Disposition) {
    to.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    to.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let written = [
        (ETAG, written(of.validators.etag.into())),
        (LAST_MODIFIED, of.validators.modified.and_then(|modified| written(date(modified)))),
        (CACHE_CONTROL, Some(app.cache_control.clone())),
        (CONTENT_DISPOSITION, written(disposition_of(asked, of, disposition))),
    ];
    for (name, value) in written {
        if let Some(value) = value {
            to.insert(name, value);
        }
    }
}

/// The URL may be a link: where a page leads on from the answer, nobody is told of it.
pub(super) fn keep_secret(to: &mut HeaderMap) {
    to.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

pub(super) fn content_range(range: &Range<u64>, size: u64) -> HeaderValue {
    written(format!("bytes {}-{}/{size}", range.start, range.end - 1)).unwrap_or(HeaderValue::from_static("bytes */*"))
}

/// `Content-Disposition` (RFC 6266): an ASCII name, and for a download the title in full beside it.
fn disposition_of(asked: Sid, of: &Representation<'_>, disposition: Disposition) -> String {
    let container = of.media.container;
    let name = download_name(asked, container);
    let title = of.recording.about.title.as_deref().unwrap_or_default();
    let title: String = title.chars().filter(|c| !c.is_control() && !"/\\".contains(*c)).take(MOST_TITLE).collect();
    let title = title.trim();
    match disposition {
        Disposition::Inline => format!("inline; filename=\"{name}\""),
        Disposition::Attachment if title.is_empty() => format!("attachment; filename=\"{name}\""),
        Disposition::Attachment => {
            let mut value = format!("attachment; filename=\"{name}\"; filename*=UTF-8''");
            let full = format!("{title}.{}", container.extension());
            let _ = write!(value, "{}", utf8_percent_encode(&full, ATTR_CHAR));
            value
        }
    }
}

/// A field's value, without a copy of the text.
fn written(text: String) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}

/// A list field may come in several lines (§5.3).
fn joined<'a>(request: &'a impl Fields, name: &'a HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = request.lines(name);
    let first = lines.next()?;
    let more: Vec<&str> = lines.collect();
    Some(if more.is_empty() { first.into() } else { format!("{first}, {}", more.join(", ")).into() })
}

/// An HTTP date as whole seconds since the epoch.
fn seconds(text: &str) -> Option<i64> {
    let moment = httpdate::parse_http_date(text).ok()?;
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn date(seconds: i64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()))
}
