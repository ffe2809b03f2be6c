//! What the engines have in common: the columns of a row, and how a page of a list is cut. Knows no engine.

use super::{Cursor, ListQuery, Page, Row};
use crate::recording::{Sid, Timestamp};

/// What a row is made of, of `recordings r` joined with `calls c`.
pub(super) const COLUMNS: &str = "r.sid, r.call_sid, r.recording_sid, r.v, r.state, r.code, r.retry_at, r.container, \
     r.size, r.channels, r.duration_ms, c.tenant, c.account_sid, c.started_at, c.duration_s, c.from_party, c.to_party, \
     c.direction, c.title";
/// How many calls a search looks at before it hands out a short page: a search costs the same however many there are.
const SCANNED_PER_PAGE: i64 = 2000;

/// How many calls to look at for a page.
pub(super) fn scanned(query: &ListQuery) -> i64 {
    let filtered = query.state.is_some() || query.text.is_some();
    if filtered { SCANNED_PER_PAGE } else { query.limit as i64 + 1 }
}

/// A page of what was looked at: rows with their times in lists, newest first.
pub(super) fn page(rows: Vec<(Row, Timestamp)>, query: &ListQuery) -> Page {
    let more = rows.len() as i64 == scanned(query);
    let last = rows.len().saturating_sub(1);
    let mut page = Page::default();
    for (n, (row, listed_at)) in rows.into_iter().enumerate() {
        let here = Cursor { listed_at, call_sid: row.0.call_sid };
        if matches(&row, query) {
            page.items.push(row);
        }
        let full = page.items.len() == query.limit && n < last;
        if full || (n == last && more) {
            page.next = Some(here);
            break;
        }
    }
    page
}

/// Whether a row passes the filters of a list.
fn matches((recording, status): &Row, query: &ListQuery) -> bool {
    if query.state.is_some_and(|state| state != status.state) {
        return false;
    }
    let Some(text) = &query.text else { return true };
    let needle = text.to_lowercase();
    let about = &recording.about;
    let sids = [Some(recording.call_sid.as_str()), recording.recording_sid.as_ref().map(Sid::as_str)];
    let texts = [&about.title, &about.from, &about.to].map(Option::as_deref);
    sids.into_iter().chain(texts).flatten().any(|field| field.to_lowercase().contains(&needle))
}
