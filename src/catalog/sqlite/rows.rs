//! Rows as the domain knows them.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::catalog::listing::{sid, unreadable};
use crate::catalog::{CatalogError, Row};
use crate::recording::{About, Code, Container, Media, Recording, State, Status, Tenant, Timestamp};

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
