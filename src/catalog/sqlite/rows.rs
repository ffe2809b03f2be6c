//! Rows as the domain knows them.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::catalog::{CatalogError, ListQuery, Row};
use crate::recording::{About, Code, Container, Media, Recording, Sid, State, Status, Tenant, Timestamp};

/// What [`row`] reads, of `recordings r` joined with `calls c`.
pub(super) const COLUMNS: &str = "r.sid, r.call_sid, r.recording_sid, r.v, r.state, r.code, r.retry_at, r.container, \
     r.size, r.channels, r.duration_ms, c.tenant, c.account_sid, c.started_at, c.duration_s, c.from_party, c.to_party, \
     c.direction, c.title";

pub(super) fn row(row: &SqliteRow) -> Result<Row, CatalogError> {
    let recording = Recording {
        sid: sid(row.try_get("sid")?)?,
        call_sid: sid(row.try_get("call_sid")?)?,
        recording_sid: row.try_get::<Option<&str>, _>("recording_sid")?.map(sid).transpose()?,
        account_sid: row.try_get("account_sid")?,
        tenant: Tenant::new(row.try_get("tenant")?).ok_or_else(|| unreadable("tenant"))?,
        about: About {
            started_at: row.try_get::<Option<i64>, _>("started_at")?.map(Timestamp),
            duration_s: row.try_get::<Option<i64>, _>("duration_s")?.and_then(|n| u32::try_from(n).ok()),
            from: row.try_get("from_party")?,
            to: row.try_get("to_party")?,
            direction: row.try_get("direction")?,
            title: row.try_get("title")?,
        },
    };
    Ok((recording, status(row)?))
}

pub(super) fn status(row: &SqliteRow) -> Result<Status, CatalogError> {
    let state = State::parse(row.try_get("state")?).ok_or_else(|| unreadable("state"))?;
    let container = row.try_get::<Option<&str>, _>("container")?.and_then(Container::parse);
    let number = |column| row.try_get::<Option<i64>, _>(column).map(|n| n.unwrap_or(0).unsigned_abs());
    let media = match container {
        Some(container) => Some(Media {
            container,
            size: number("size")?,
            channels: u8::try_from(number("channels")?).unwrap_or(1),
            duration_ms: number("duration_ms")?,
        }),
        None => None,
    };
    Ok(Status {
        v: number("v")?,
        state,
        code: row.try_get::<Option<&str>, _>("code")?.and_then(Code::parse),
        retry_at: row.try_get::<Option<i64>, _>("retry_at")?.map(Timestamp),
        progress: None,
        media: media.filter(|_| state == State::Ready),
    })
}

/// Whether a row passes the filters of a list.
pub(super) fn matches((recording, status): &Row, query: &ListQuery) -> bool {
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

pub(super) fn sid(text: &str) -> Result<Sid, CatalogError> {
    text.parse().map_err(|_| unreadable("sid"))
}

fn unreadable(column: &str) -> CatalogError {
    CatalogError(format!("a row of the catalog has an unreadable {column}"))
}
