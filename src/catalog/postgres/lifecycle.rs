//! The end of recordings: tombstones, holds, what is oldest, and copies at the provider that are still to go.

use tokio_postgres::types::Type;

use super::connections::{Connections, Failure, Transaction, Value};
use crate::catalog::listing::COLUMNS;
use crate::catalog::rows::{row, sid, tenant};
use crate::catalog::{Aged, CatalogError, EraseError, Row, SourceDeletion};
use crate::recording::{Scope, Sid, Tenant, Timestamp};

impl From<Failure> for EraseError {
    fn from(failure: Failure) -> Self {
        Self::Catalog(failure.into())
    }
}

impl From<CatalogError> for EraseError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

/// What an erasure came to.
enum Erasure {
    Done(Vec<Row>),
    Refused(EraseError),
    /// The recording has become known, as that call's.
    Moved(Sid),
}

/// A recording's call is locked before the recording, and which one that is can only be known for sure afterwards. A
/// recording stays with its call, so that the second round is the last.
pub(super) async fn erase(
    connections: &Connections,
    scope: &Scope,
    name: Sid,
    at_source: bool,
) -> Result<Vec<Row>, EraseError> {
    let mut call = if name.is_call() { Some(name) } else { None };
    loop {
        let names: Vec<&str> = match &call {
            Some(call) if *call != name => vec![call.as_str(), name.as_str()],
            _ => vec![name.as_str()],
        };
        let tx = connections.begin(&names).await?;
        let outcome = erase_within(&tx, scope, name, call, at_source).await;
        match tx.end(outcome).await? {
            Erasure::Done(rows) => return Ok(rows),
            Erasure::Refused(why) => return Err(why),
            Erasure::Moved(owner) => call = Some(owner),
        }
    }
}

async fn erase_within(
    tx: &Transaction,
    scope: &Scope,
    name: Sid,
    locked: Option<Sid>,
    at_source: bool,
) -> Result<Erasure, Failure> {
    let call = call_of(tx, name).await?;
    match &call {
        Some(call) if locked != Some(call.sid) => return Ok(Erasure::Moved(call.sid)),
        Some(call) if !scope.covers(&call.tenant) => return Ok(Erasure::Refused(EraseError::Unknown)),
        Some(call) if call.held => return Ok(Erasure::Refused(EraseError::OnHold)),
        None if *scope != Scope::Every => return Ok(Erasure::Refused(EraseError::Unknown)),
        _ => {}
    }
    tx.execute(
        "INSERT INTO erasures AS e (sid, erased_at, at_source) VALUES ($1, $2, $3)
         ON CONFLICT (sid) DO UPDATE SET at_source = e.at_source OR excluded.at_source",
        &[(&name.as_str(), Type::TEXT), (&Timestamp::now().0, Type::INT8), (&at_source, Type::BOOL)],
    )
    .await?;
    let mut rows = Vec::new();
    if let Some(call) = call {
        if at_source {
            delete_at_source(tx, name, &call.account_sid).await?;
        }
        bury(tx, call.sid).await?;
        let column = if name.is_call() { "r.call_sid" } else { "r.recording_sid" };
        let sql = format!("SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE {column} = $1");
        for raw in tx.query(&sql, &[(&name.as_str(), Type::TEXT)]).await? {
            rows.push(row(&raw)?);
        }
    }
    Ok(Erasure::Done(rows))
}

/// Erases what the tombstones name among the recordings of a call. Whatever makes a recording known or gives it a name
/// ends with this, in the same transaction.
pub(super) async fn bury(tx: &Transaction, call: Sid) -> Result<(), Failure> {
    let call: &[Value<'_>] = &[(&call.as_str(), Type::TEXT)];
    tx.execute(
        "INSERT INTO source_deletions (sid, account_sid)
         SELECT coalesce(r.recording_sid, r.sid), c.account_sid FROM recordings r JOIN calls c USING (call_sid)
         WHERE r.call_sid = $1 AND (r.state, r.code) IS DISTINCT FROM ('gone', 'erased')
         AND EXISTS (SELECT FROM erasures e WHERE e.sid IN (r.call_sid, r.recording_sid) AND e.at_source)
         ON CONFLICT (sid) DO NOTHING",
        call,
    )
    .await?;
    tx.execute(
        "UPDATE recordings r SET v = v + 1, state = 'gone', code = 'erased', retry_at = NULL
         WHERE call_sid = $1 AND (state, code) IS DISTINCT FROM ('gone', 'erased')
         AND EXISTS (SELECT FROM erasures e WHERE e.sid IN (r.call_sid, r.recording_sid))",
        call,
    )
    .await?;
    Ok(())
}

/// Whether a call, or the recording that is to be its primary one, bears a tombstone.
pub(super) async fn is_erased(tx: &Transaction, call: Sid, name: Option<Sid>) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM erasures WHERE sid IN ($1, $2)
               UNION ALL SELECT 1 FROM recordings WHERE sid = $1 AND state = 'gone' AND code = 'erased' LIMIT 1";
    let values: &[Value<'_>] = &[(&call.as_str(), Type::TEXT), (&name.as_ref().map(Sid::as_str), Type::TEXT)];
    Ok(tx.first(sql, values).await?.is_some())
}

pub(super) async fn hold(connections: &Connections, call: Sid, held: bool) -> Result<(), CatalogError> {
    let sql = "UPDATE calls SET held = $1 WHERE call_sid = $2";
    connections.query(sql, &[(&held, Type::BOOL), (&call.as_str(), Type::TEXT)]).await?;
    Ok(())
}

pub(super) async fn oldest(
    connections: &Connections,
    after: Option<&Aged>,
    most: usize,
) -> Result<Vec<Aged>, CatalogError> {
    let (at, name) = after.map_or((i64::MIN, ""), |aged| (aged.since.0, aged.sid.as_str()));
    let rows = connections
        .query(
            "SELECT r.sid, r.aged_from, r.size, c.held FROM recordings r JOIN calls c USING (call_sid)
             WHERE r.state = 'ready' AND (r.aged_from, r.sid) > ($1, $2) ORDER BY r.aged_from, r.sid LIMIT $3",
            &[(&at, Type::INT8), (&name, Type::TEXT), (&(most as i64), Type::INT8)],
        )
        .await?;
    let aged = rows.iter().map(|raw| {
        Ok(Aged {
            sid: sid(raw.try_get(0)?)?,
            since: Timestamp(raw.try_get(1)?),
            size: raw.try_get::<_, i64>(2)?.unsigned_abs(),
            held: raw.try_get(3)?,
        })
    });
    aged.collect()
}

pub(super) async fn landed_bytes(connections: &Connections) -> Result<u64, CatalogError> {
    let sum = "SELECT coalesce(sum(size), 0)::bigint FROM recordings WHERE state = 'ready' AND aged_from IS NOT NULL";
    let rows = connections.query(sum, &[]).await?;
    let bytes: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
    Ok(bytes.unsigned_abs())
}

pub(super) async fn expire(connections: &Connections, name: Sid, at_source: bool) -> Result<Option<Row>, CatalogError> {
    let tx = connections.begin(&[]).await?;
    let outcome = expire_within(&tx, name, at_source).await;
    Ok(tx.end(outcome).await?)
}

async fn expire_within(tx: &Transaction, name: Sid, at_source: bool) -> Result<Option<Row>, Failure> {
    let name: &[Value<'_>] = &[(&name.as_str(), Type::TEXT)];
    // The row is locked: a hold comes before this, or after what it can no longer prevent.
    let held = "SELECT held FROM calls WHERE call_sid = (SELECT call_sid FROM recordings WHERE sid = $1) FOR UPDATE";
    match tx.first(held, name).await? {
        Some(row) if !row.try_get::<_, bool>(0)? => {}
        _ => return Ok(None),
    }
    let expire = "UPDATE recordings SET v = v + 1, state = 'gone', code = 'expired', retry_at = NULL
                  WHERE sid = $1 AND state = 'ready'";
    if tx.execute(expire, name).await? == 0 {
        return Ok(None);
    }
    let sql = format!("SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.sid = $1");
    let Some(raw) = tx.first(&sql, name).await? else { return Ok(None) };
    let (recording, status) = row(&raw)?;
    if at_source {
        let copy = recording.recording_sid.unwrap_or(recording.sid);
        delete_at_source(tx, copy, &recording.account_sid).await?;
    }
    Ok(Some((recording, status)))
}

pub(super) async fn source_deletions(
    connections: &Connections,
    now: Timestamp,
    most: usize,
) -> Result<Vec<SourceDeletion>, CatalogError> {
    let due = "SELECT sid, account_sid, tries FROM source_deletions WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
    let rows = connections.query(due, &[(&now.0, Type::INT8), (&(most as i64), Type::INT8)]).await?;
    let deletions = rows.iter().map(|raw| {
        Ok(SourceDeletion {
            sid: sid(raw.try_get(0)?)?,
            account_sid: raw.try_get(1)?,
            tries: u32::try_from(raw.try_get::<_, i64>(2)?).unwrap_or(u32::MAX),
        })
    });
    deletions.collect()
}

pub(super) async fn source_deleted(connections: &Connections, name: Sid) -> Result<(), CatalogError> {
    connections.query("DELETE FROM source_deletions WHERE sid = $1", &[(&name.as_str(), Type::TEXT)]).await?;
    Ok(())
}

pub(super) async fn source_deletion_failed(
    connections: &Connections,
    name: Sid,
    again: Timestamp,
) -> Result<(), CatalogError> {
    let sql = "UPDATE source_deletions SET tries = tries + 1, due_at = $1 WHERE sid = $2";
    connections.query(sql, &[(&again.0, Type::INT8), (&name.as_str(), Type::TEXT)]).await?;
    Ok(())
}

struct Call {
    sid: Sid,
    tenant: Tenant,
    account_sid: String,
    held: bool,
}

/// The call of that name, or of the recording of that name; locked, so that it is not held meanwhile.
async fn call_of(tx: &Transaction, name: Sid) -> Result<Option<Call>, Failure> {
    let found = "SELECT call_sid, tenant, account_sid, held FROM calls
                 WHERE call_sid = $1 OR call_sid = (SELECT call_sid FROM recordings WHERE recording_sid = $1)
                 FOR UPDATE";
    let Some(raw) = tx.first(found, &[(&name.as_str(), Type::TEXT)]).await? else { return Ok(None) };
    Ok(Some(Call {
        sid: sid(raw.try_get(0)?)?,
        tenant: tenant(raw.try_get(1)?)?,
        account_sid: raw.try_get(2)?,
        held: raw.try_get(3)?,
    }))
}

async fn delete_at_source(tx: &Transaction, name: Sid, account_sid: &str) -> Result<(), Failure> {
    tx.execute(
        "INSERT INTO source_deletions (sid, account_sid) VALUES ($1, $2) ON CONFLICT (sid) DO NOTHING",
        &[(&name.as_str(), Type::TEXT), (&account_sid, Type::TEXT)],
    )
    .await?;
    Ok(())
}
