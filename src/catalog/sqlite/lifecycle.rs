//! The end of recordings: tombstones, holds, what is oldest, and copies at the provider that are still to go.

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use crate::catalog::listing::COLUMNS;
use crate::catalog::rows::{row, sid, tenant};
use crate::catalog::{Aged, CatalogError, EraseError, Row, SourceDeletion};
use crate::recording::{Scope, Sid, Tenant, Timestamp};

impl From<sqlx::Error> for EraseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Catalog(error.into())
    }
}

pub(super) async fn erase(
    writer: &SqlitePool,
    scope: &Scope,
    name: Sid,
    at_source: bool,
) -> Result<Vec<Row>, EraseError> {
    let mut connection = writer.acquire().await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let call = call_of(&mut tx, name).await?;
    match &call {
        Some(call) if !scope.covers(&call.tenant) => return Err(EraseError::Unknown),
        Some(call) if call.held => return Err(EraseError::OnHold),
        None if *scope != Scope::Every => return Err(EraseError::Unknown),
        _ => {}
    }
    sqlx::query(
        "INSERT INTO erasures (sid, erased_at, at_source) VALUES (?, ?, ?)
         ON CONFLICT (sid) DO UPDATE SET at_source = max(at_source, excluded.at_source)",
    )
    .bind(name.as_str())
    .bind(Timestamp::now().0)
    .bind(at_source)
    .execute(&mut *tx)
    .await?;
    let mut rows = Vec::new();
    if let Some(call) = call {
        if at_source {
            delete_at_source(&mut tx, name, &call.account_sid).await?;
        }
        bury(&mut tx, call.sid).await?;
        let column = if name.is_call() { "r.call_sid" } else { "r.recording_sid" };
        let sql = format!("SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE {column} = ?");
        for raw in sqlx::query(AssertSqlSafe(sql)).bind(name.as_str()).fetch_all(&mut *tx).await? {
            rows.push(row(&raw).map_err(EraseError::Catalog)?);
        }
    }
    tx.commit().await?;
    Ok(rows)
}

/// Erases what the tombstones name among the recordings of a call. Whatever makes a recording known or gives it a name
/// ends with this, in the same transaction.
pub(super) async fn bury(tx: &mut SqliteConnection, call: Sid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR IGNORE INTO source_deletions (sid, account_sid)
         SELECT coalesce(r.recording_sid, r.sid), c.account_sid FROM recordings r JOIN calls c USING (call_sid)
         WHERE r.call_sid = ?1 AND (r.state, r.code) IS NOT ('gone', 'erased')
         AND EXISTS (SELECT 1 FROM erasures e WHERE e.sid IN (r.call_sid, r.recording_sid) AND e.at_source)",
    )
    .bind(call.as_str())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE recordings SET v = v + 1, state = 'gone', code = 'erased', retry_at = NULL
         WHERE call_sid = ?1 AND (state, code) IS NOT ('gone', 'erased')
         AND EXISTS (SELECT 1 FROM erasures e WHERE e.sid IN (recordings.call_sid, recordings.recording_sid))",
    )
    .bind(call.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether a call, or the recording that is to be its primary one, bears a tombstone.
pub(super) async fn is_erased(tx: &mut SqliteConnection, call: Sid, name: Option<Sid>) -> Result<bool, sqlx::Error> {
    let found = sqlx::query(
        "SELECT 1 FROM erasures WHERE sid IN (?1, ?2)
         UNION ALL SELECT 1 FROM recordings WHERE sid = ?1 AND (state, code) IS ('gone', 'erased') LIMIT 1",
    )
    .bind(call.as_str())
    .bind(name.as_ref().map(Sid::as_str))
    .fetch_optional(tx)
    .await?;
    Ok(found.is_some())
}

pub(super) async fn hold(writer: &SqlitePool, call: Sid, held: bool) -> Result<(), CatalogError> {
    sqlx::query("UPDATE calls SET held = ? WHERE call_sid = ?").bind(held).bind(call.as_str()).execute(writer).await?;
    Ok(())
}

pub(super) async fn oldest(readers: &SqlitePool, after: Option<&Aged>, most: usize) -> Result<Vec<Aged>, CatalogError> {
    let (at, name) = after.map_or((i64::MIN, ""), |aged| (aged.since.0, aged.sid.as_str()));
    let rows = sqlx::query(
        "SELECT r.sid, r.aged_from, r.size, c.held FROM recordings r JOIN calls c USING (call_sid)
         WHERE r.state = 'ready' AND (r.aged_from, r.sid) > (?, ?) ORDER BY r.aged_from, r.sid LIMIT +?",
    )
    .bind(at)
    .bind(name)
    .bind(most as i64)
    .fetch_all(readers)
    .await?;
    let aged = rows.iter().map(|raw| {
        Ok(Aged {
            sid: sid(raw.try_get("sid")?)?,
            since: Timestamp(raw.try_get("aged_from")?),
            size: raw.try_get::<i64, _>("size")?.unsigned_abs(),
            held: raw.try_get("held")?,
        })
    });
    aged.collect()
}

pub(super) async fn landed_bytes(readers: &SqlitePool) -> Result<u64, CatalogError> {
    let sum = "SELECT coalesce(sum(size), 0) FROM recordings WHERE state = 'ready' AND aged_from IS NOT NULL";
    let bytes: i64 = sqlx::query_scalar(sum).fetch_one(readers).await?;
    Ok(bytes.unsigned_abs())
}

pub(super) async fn expire(writer: &SqlitePool, name: Sid, at_source: bool) -> Result<Option<Row>, CatalogError> {
    let mut connection = writer.acquire().await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let expired = sqlx::query(
        "UPDATE recordings SET v = v + 1, state = 'gone', code = 'expired', retry_at = NULL
         WHERE sid = ?1 AND state = 'ready'
         AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.call_sid = recordings.call_sid AND c.held)",
    )
    .bind(name.as_str())
    .execute(&mut *tx)
    .await?;
    if expired.rows_affected() == 0 {
        return Ok(None);
    }
    let sql = format!("SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.sid = ?");
    let raw = sqlx::query(AssertSqlSafe(sql)).bind(name.as_str()).fetch_one(&mut *tx).await?;
    let (recording, status) = row(&raw)?;
    if at_source {
        let copy = recording.recording_sid.unwrap_or(recording.sid);
        delete_at_source(&mut tx, copy, &recording.account_sid).await?;
    }
    tx.commit().await?;
    Ok(Some((recording, status)))
}

pub(super) async fn source_deletions(
    readers: &SqlitePool,
    now: Timestamp,
    most: usize,
) -> Result<Vec<SourceDeletion>, CatalogError> {
    let due = "SELECT sid, account_sid, tries FROM source_deletions WHERE due_at <= ? ORDER BY due_at LIMIT +?";
    let rows = sqlx::query(due).bind(now.0).bind(most as i64).fetch_all(readers).await?;
    let deletions = rows.iter().map(|raw| {
        Ok(SourceDeletion {
            sid: sid(raw.try_get("sid")?)?,
            account_sid: raw.try_get("account_sid")?,
            tries: raw.try_get("tries")?,
        })
    });
    deletions.collect()
}

pub(super) async fn source_deleted(writer: &SqlitePool, name: Sid) -> Result<(), CatalogError> {
    sqlx::query("DELETE FROM source_deletions WHERE sid = ?").bind(name.as_str()).execute(writer).await?;
    Ok(())
}

pub(super) async fn source_deletion_failed(
    writer: &SqlitePool,
    name: Sid,
    again: Timestamp,
) -> Result<(), CatalogError> {
    sqlx::query("UPDATE source_deletions SET tries = tries + 1, due_at = ? WHERE sid = ?")
        .bind(again.0)
        .bind(name.as_str())
        .execute(writer)
        .await?;
    Ok(())
}

struct Call {
    sid: Sid,
    tenant: Tenant,
    account_sid: String,
    held: bool,
}

/// The call of that name, or of the recording of that name.
async fn call_of(tx: &mut SqliteConnection, name: Sid) -> Result<Option<Call>, EraseError> {
    let found = sqlx::query(
        "SELECT call_sid, tenant, account_sid, held FROM calls
         WHERE call_sid = ?1 OR call_sid = (SELECT call_sid FROM recordings WHERE recording_sid = ?1)",
    )
    .bind(name.as_str())
    .fetch_optional(tx)
    .await?;
    let Some(raw) = found else { return Ok(None) };
    Ok(Some(Call {
        sid: sid(raw.try_get("call_sid")?).map_err(EraseError::Catalog)?,
        tenant: tenant(raw.try_get("tenant")?).map_err(EraseError::Catalog)?,
        account_sid: raw.try_get("account_sid")?,
        held: raw.try_get("held")?,
    }))
}

async fn delete_at_source(tx: &mut SqliteConnection, name: Sid, account_sid: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR IGNORE INTO source_deletions (sid, account_sid) VALUES (?, ?)")
        .bind(name.as_str())
        .bind(account_sid)
        .execute(tx)
        .await?;
    Ok(())
}
