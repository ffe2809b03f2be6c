//! Registrations and callbacks: each one transaction, whatever comes first.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::lifecycle::{bury, is_erased};
use crate::catalog::listing::COLUMNS;
use crate::catalog::rows::row;
use crate::catalog::{Callback, CatalogError, Kept, NewCall, RegisterError, Registered, Row};
use crate::recording::{About, Code, Sid, State, Tenant, Timestamp};

/// How long the callback of a call that nobody registers is kept.
const KEPT_DAYS: i64 = 30;
/// Words of the provider that change something.
const COMPLETED: &str = "completed";
const ABSENT: &str = "absent";
const FAILED: &str = "failed";

impl From<sqlx::Error> for RegisterError {
    fn from(error: sqlx::Error) -> Self {
        // A provider's name that another recording holds.
        let taken = error.as_database_error().is_some_and(|error| error.is_unique_violation());
        if taken { Self::Taken } else { Self::Catalog(error.into()) }
    }
}

pub(super) async fn register(writer: &SqlitePool, call: &NewCall) -> Result<Registered, RegisterError> {
    let mut connection = writer.acquire().await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let owner = sqlx::query("SELECT tenant, account_sid FROM calls WHERE call_sid = ?")
        .bind(call.call_sid.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let same = |row: &SqliteRow| -> Result<bool, sqlx::Error> {
        Ok(row.try_get::<&str, _>("tenant")? == call.tenant.as_str()
            && row.try_get::<&str, _>("account_sid")? == call.account_sid)
    };
    if let Some(row) = &owner
        && !same(row)?
    {
        return Err(RegisterError::Taken);
    }
    let created = owner.is_none();
    let erased = is_erased(&mut tx, call.call_sid, call.recording_sid).await?;
    if erased && !created {
        return Err(RegisterError::Erased);
    }
    // Of what was erased before anybody knew it, only whose it was is kept.
    let bare = NewCall { about: About::default(), ..call.clone() };
    upsert_call(&mut tx, if erased { &bare } else { call }).await?;
    if !claim_name(&mut tx, call).await? {
        return Err(RegisterError::Taken);
    }
    let mut announced = Vec::new();
    let waiting = sqlx::query(
        "UPDATE callbacks SET attached = 1 WHERE call_sid = ? AND account_sid = ? AND attached = 0
         RETURNING recording_sid, status",
    )
    .bind(call.call_sid.as_str())
    .bind(&call.account_sid)
    .fetch_all(&mut *tx)
    .await?;
    let mut words = Vec::with_capacity(waiting.len());
    for raw in &waiting {
        let name: Sid = raw.try_get::<&str, _>("recording_sid")?.parse().map_err(|_| RegisterError::Taken)?;
        words.push((name, raw.try_get::<String, _>("status")?));
    }
    // The first to complete is the call's.
    words.sort_by_key(|(_, status)| status != COMPLETED);
    for (name, status) in words {
        let row = heed(&mut tx, call.call_sid, name, &status).await?;
        announced.extend(row.filter(|_| status == COMPLETED));
    }
    bury(&mut tx, call.call_sid).await?;
    let primary = one(&mut tx, call.call_sid).await?;
    tx.commit().await?;
    if erased {
        return Err(RegisterError::Erased);
    }
    let primary = primary.ok_or_else(|| RegisterError::Catalog(CatalogError("a call has no recording".into())))?;
    Ok(Registered { created, primary, announced })
}

pub(super) async fn keep(
    writer: &SqlitePool,
    callback: &Callback,
    owner: Option<&Tenant>,
) -> Result<Kept, CatalogError> {
    let mut connection = writer.acquire().await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let fresh = sqlx::query(
        "INSERT INTO callbacks (recording_sid, status, call_sid, account_sid, received_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(callback.recording_sid.as_str())
    .bind(&callback.status)
    .bind(callback.call_sid.as_str())
    .bind(&callback.account_sid)
    .bind(callback.received_at.0)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if fresh == 0 {
        return Ok(Kept::Repeated);
    }
    let account = sqlx::query("SELECT account_sid FROM calls WHERE call_sid = ?")
        .bind(callback.call_sid.as_str())
        .fetch_optional(&mut *tx)
        .await?
        .map(|row| row.try_get::<String, _>("account_sid"))
        .transpose()?;
    match (account, owner) {
        (Some(account), _) if account == callback.account_sid => {}
        (None, Some(tenant)) => {
            let call = NewCall {
                call_sid: callback.call_sid,
                tenant: tenant.clone(),
                account_sid: callback.account_sid.clone(),
                recording_sid: None,
                about: About::default(),
            };
            upsert_call(&mut tx, &call).await?;
        }
        // Nobody's yet; or another account's, whose word alone counts.
        (None, None) | (Some(_), _) => {
            forget_old(&mut tx, callback.received_at).await?;
            tx.commit().await?;
            return Ok(Kept::Waiting);
        }
    }
    sqlx::query("UPDATE callbacks SET attached = 1 WHERE recording_sid = ? AND status = ?")
        .bind(callback.recording_sid.as_str())
        .bind(&callback.status)
        .execute(&mut *tx)
        .await?;
    let row = heed(&mut tx, callback.call_sid, callback.recording_sid, &callback.status).await?;
    tx.commit().await?;
    Ok(row.map_or(Kept::Waiting, |row| Kept::Attached(Box::new(row))))
}

pub(super) async fn name(writer: &SqlitePool, sid: Sid, recording_sid: Sid) -> Result<(), CatalogError> {
    let mut connection = writer.acquire().await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Another recording of that name exists when a callback for it came first; it keeps the name.
    sqlx::query("UPDATE OR IGNORE recordings SET recording_sid = ? WHERE sid = ? AND recording_sid IS NULL")
        .bind(recording_sid.as_str())
        .bind(sid.as_str())
        .execute(&mut *tx)
        .await?;
    bury(&mut tx, sid).await?;
    tx.commit().await?;
    Ok(())
}

/// Inserts the call and its primary recording, or updates what is known about the call.
async fn upsert_call(tx: &mut SqliteConnection, call: &NewCall) -> Result<(), sqlx::Error> {
    let about = &call.about;
    let listed_at = about.started_at.unwrap_or_else(Timestamp::now);
    sqlx::query("INSERT INTO recordings (sid, call_sid, listed_at) VALUES (?1, ?1, ?2) ON CONFLICT DO NOTHING")
        .bind(call.call_sid.as_str())
        .bind(listed_at.0)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO calls (call_sid, tenant, account_sid, started_at, duration_s, from_party, to_party, direction,
                            title, listed_at, recording)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, (SELECT n FROM recordings WHERE sid = ?1))
         ON CONFLICT (call_sid) DO UPDATE SET
             started_at = coalesce(excluded.started_at, started_at),
             duration_s = coalesce(excluded.duration_s, duration_s),
             from_party = coalesce(excluded.from_party, from_party),
             to_party = coalesce(excluded.to_party, to_party),
             direction = coalesce(excluded.direction, direction),
             title = coalesce(excluded.title, title),
             listed_at = coalesce(excluded.started_at, listed_at)",
    )
    .bind(call.call_sid.as_str())
    .bind(call.tenant.as_str())
    .bind(&call.account_sid)
    .bind(about.started_at.map(|at| at.0))
    .bind(about.duration_s.map(i64::from))
    .bind(&about.from)
    .bind(&about.to)
    .bind(&about.direction)
    .bind(&about.title)
    .bind(listed_at.0)
    .execute(&mut *tx)
    .await?;
    if let Some(at) = about.started_at {
        sqlx::query("UPDATE recordings SET aged_from = ? WHERE call_sid = ? AND aged_from IS NOT NULL")
            .bind(at.0)
            .bind(call.call_sid.as_str())
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE recordings SET listed_at = ?1 WHERE sid = ?2 AND listed_at <> ?1")
            .bind(at.0)
            .bind(call.call_sid.as_str())
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Gives the primary recording the provider's name that it was registered with; false when it has another.
async fn claim_name(tx: &mut SqliteConnection, call: &NewCall) -> Result<bool, sqlx::Error> {
    let Some(name) = call.recording_sid else { return Ok(true) };
    let named =
        sqlx::query("UPDATE recordings SET recording_sid = ?1 WHERE sid = ?2 AND coalesce(recording_sid, ?1) = ?1")
            .bind(name.as_str())
            .bind(call.call_sid.as_str())
            .execute(tx)
            .await?;
    Ok(named.rows_affected() == 1)
}

/// What a word of the provider changes, in whatever order its words come: `absent` is its last word about a recording, and
/// `completed` outdoes `failed`. The row that it is about.
async fn heed(tx: &mut SqliteConnection, call: Sid, name: Sid, status: &str) -> Result<Option<Row>, sqlx::Error> {
    match status {
        COMPLETED if !was_told(tx, name, ABSENT).await? => return attach(tx, call, name).await,
        ABSENT => settle(tx, call, name, State::Gone, Code::Absent).await?,
        FAILED if !was_told(tx, name, COMPLETED).await? => {
            settle(tx, call, name, State::Failed, Code::SourceFailed).await?;
        }
        _ => {}
    }
    match by_provider_name(tx, name).await? {
        None => one(tx, call).await,
        row => Ok(row),
    }
}

async fn was_told(tx: &mut SqliteConnection, name: Sid, status: &str) -> Result<bool, sqlx::Error> {
    let told = sqlx::query("SELECT 1 FROM callbacks WHERE recording_sid = ? AND status = ?")
        .bind(name.as_str())
        .bind(status)
        .fetch_optional(tx)
        .await?;
    Ok(told.is_some())
}

/// Ends the wait for the recording of that name, or for the call's, while that has none. What has landed stays, and what
/// is on its way is asked of the source.
async fn settle(tx: &mut SqliteConnection, call: Sid, name: Sid, state: State, code: Code) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE recordings SET v = v + 1, state = ?1, code = ?2, retry_at = NULL
         WHERE call_sid = ?4 AND (recording_sid = ?3 OR (sid = ?4 AND recording_sid IS NULL))
         AND state IN ('unknown', 'queued', 'failed') AND state <> ?1",
    )
    .bind(state.as_str())
    .bind(code.as_str())
    .bind(name.as_str())
    .bind(call.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes a completed recording the call's primary one if it has none, else a further one.
async fn attach(tx: &mut SqliteConnection, call: Sid, name: Sid) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query(
        // The provider's word about another one was no word about this.
        "UPDATE recordings SET recording_sid = ?1,
                v = v + (code IS 'absent'),
                state = CASE WHEN code IS 'absent' THEN 'unknown' ELSE state END,
                code = CASE WHEN code IS 'absent' THEN NULL ELSE code END
         WHERE sid = ?2 AND recording_sid IS NULL
         AND NOT EXISTS (SELECT 1 FROM recordings WHERE recording_sid = ?1)",
    )
    .bind(name.as_str())
    .bind(call.as_str())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO recordings (sid, call_sid, recording_sid) SELECT ?1, ?2, ?1
         WHERE NOT EXISTS (SELECT 1 FROM recordings WHERE recording_sid = ?1)",
    )
    .bind(name.as_str())
    .bind(call.as_str())
    .execute(&mut *tx)
    .await?;
    bury(tx, call).await?;
    by_provider_name(tx, name).await
}

async fn forget_old(tx: &mut SqliteConnection, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM callbacks WHERE attached = 0 AND received_at < ?")
        .bind(now.0 - KEPT_DAYS * 86_400_000)
        .execute(tx)
        .await?;
    Ok(())
}

async fn one(tx: &mut SqliteConnection, sid: Sid) -> Result<Option<Row>, sqlx::Error> {
    fetch(tx, "r.sid", sid).await
}

async fn by_provider_name(tx: &mut SqliteConnection, sid: Sid) -> Result<Option<Row>, sqlx::Error> {
    fetch(tx, "r.recording_sid", sid).await
}

async fn fetch(tx: &mut SqliteConnection, column: &str, sid: Sid) -> Result<Option<Row>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE {column} = ?");
    let found = sqlx::query(AssertSqlSafe(sql)).bind(sid.as_str()).fetch_optional(tx).await?;
    found.as_ref().map(row).transpose().map_err(|error| sqlx::Error::Decode(error.into()))
}
