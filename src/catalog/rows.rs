//! Rows as the domain knows them. Knows no engine: each lends its rows as [`Columns`].

use super::{CatalogError, Entry, Row};
use crate::recording::{About, Code, Container, Media, Recording, Sid, State, Status, Tenant, Timestamp, shared};

/// A row of an engine, by the names of its columns.
pub(super) trait Columns {
    fn text(&self, column: &str) -> Result<Option<&str>, CatalogError>;
    fn number(&self, column: &str) -> Result<Option<i64>, CatalogError>;
}

/// What a recording's row says, read from [`COLUMNS`](super::listing::COLUMNS).
pub(super) fn row(row: &impl Columns) -> Result<Row, CatalogError> {
    let owned = |column| row.text(column).map(|text| text.map(Box::from));
    let recording = Recording {
        sid: sid(needed(row, "sid")?)?,
        call_sid: sid(needed(row, "call_sid")?)?,
        recording_sid: row.text("recording_sid")?.map(sid).transpose()?,
        account_sid: shared(needed(row, "account_sid")?),
        tenant: tenant(needed(row, "tenant")?)?,
        about: About {
            started_at: row.number("started_at")?.map(Timestamp),
            duration_s: row.number("duration_s")?.and_then(|n| u32::try_from(n).ok()),
            from: owned("from_party")?,
            to: owned("to_party")?,
            direction: owned("direction")?,
            title: owned("title")?,
        },
    };
    Ok((recording, status(row)?))
}

/// The part of it that changes.
pub(super) fn status(row: &impl Columns) -> Result<Status, CatalogError> {
    let state = State::parse(needed(row, "state")?).ok_or_else(|| unreadable("state"))?;
    let number = |column| row.number(column).map(|n| n.unwrap_or(0).unsigned_abs());
    let media = match row.text("container")?.and_then(Container::parse) {
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
        code: row.text("code")?.and_then(Code::parse),
        retry_at: row.number("retry_at")?.map(Timestamp),
        progress: None,
        media: media.filter(|_| state == State::Ready),
    })
}

/// An entry of the audit.
pub(super) fn entry(row: &impl Columns) -> Result<Entry, CatalogError> {
    let number = |column| row.number(column)?.ok_or_else(|| unreadable(column));
    let text = |column| needed(row, column).map(str::to_owned);
    let maybe = |column| row.text(column).map(|text| text.map(str::to_owned));
    Ok(Entry {
        id: number("id")?,
        at: Timestamp(number("at")?),
        tenant: maybe("tenant")?,
        sid: text("sid")?,
        action: text("action")?,
        outcome: text("outcome")?,
        who: maybe("who")?,
        address: text("address")?,
    })
}

pub(super) fn sid(text: &str) -> Result<Sid, CatalogError> {
    text.parse().map_err(|_| unreadable("sid"))
}

pub(super) fn tenant(text: &str) -> Result<Tenant, CatalogError> {
    Tenant::new(text).ok_or_else(|| unreadable("tenant"))
}

fn needed<'r>(row: &'r impl Columns, column: &str) -> Result<&'r str, CatalogError> {
    row.text(column)?.ok_or_else(|| unreadable(column))
}

fn unreadable(column: &str) -> CatalogError {
    CatalogError(format!("a row of the catalog has an unreadable {column}"))
}
