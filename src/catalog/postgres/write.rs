//! Registrations and callbacks: each one transaction, whatever comes first. Whatever is about a call locks its SID, and
//! then the names of the recordings it deals with; so do erasures. Locked names are all there is to lock: what one
//! transaction looks up, no other makes up meanwhile.

use tokio_postgres::types::Type;

use super::connections::{Connections, Failure, Transaction};
use super::lifecycle::{bury, is_erased};
use super::rows::text;
use crate::catalog::listing::COLUMNS;
use crate::catalog::rows::{row, sid};
use crate::catalog::{Callback, CatalogError, Kept, NewCall, RegisterError, Registered, Row};
use crate::recording::{About, Code, Sid, State, Tenant, Timestamp};

/// How long the callback of a call that nobody registers is kept.
const KEPT_DAYS: i64 = 30;
/// Words of the provider that change something.
const COMPLETED: &str = "completed";
const ABSENT: &str = "absent";
const FAILED: &str = "failed";

impl From<Failure> for RegisterError {
    fn from(failure: Failure) -> Self {
        match failure {
            // A provider's name that another recording holds.
            Failure::Taken => Self::Taken,
            Failure::Catalog(error) => Self::Catalog(error),
        }
    }
}

impl From<CatalogError> for RegisterError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

pub(super) async fn register(connections: &Connections, call: &NewCall) -> Result<Registered, RegisterError> {
    let tx = connections.begin(&[call.call_sid.as_str()]).await?;
    let outcome = register_within(&tx, call).await;
    // Nothing is known of what is erased but whose it was; that much is committed.
    tx.end(outcome).await?.ok_or(RegisterError::Erased)
}

async fn register_within(tx: &Transaction, call: &NewCall) -> Result<Option<Registered>, Failure> {
    let name = call.call_sid.as_str();
    let account: &str = &text(&call.account_sid);
    let owner = tx.first("SELECT tenant, account_sid FROM calls WHERE call_sid = $1", &[(&name, Type::TEXT)]).await?;
    if let Some(row) = &owner
        && (row.try_get::<_, &str>(0)? != text(call.tenant.as_str()) || row.try_get::<_, &str>(1)? != account)
    {
        return Err(Failure::Taken);
    }
    let created = owner.is_none();
    let waiting = "SELECT recording_sid, status FROM callbacks
                   WHERE call_sid = $1 AND account_sid = $2 AND NOT attached";
    let waiting = tx.query(waiting, &[(&name, Type::TEXT), (&account, Type::TEXT)]).await?;
    let mut words = Vec::with_capacity(waiting.len());
    for raw in &waiting {
        words.push((sid(raw.try_get(0)?)?, raw.try_get::<_, String>(1)?));
    }
    let mut names: Vec<Sid> = words.iter().map(|(name, _)| *name).chain(call.recording_sid).collect();
    names.sort_unstable();
    tx.lock(&names.iter().map(Sid::as_str).collect::<Vec<_>>()).await?;

    let erased = is_erased(tx, call.call_sid, call.recording_sid).await?;
    if erased && !created {
        return Ok(None);
    }
    // Of what was erased before anybody knew it, only whose it was is kept.
    let bare = NewCall { about: About::default(), ..call.clone() };
    upsert_call(tx, if erased { &bare } else { call }).await?;
    if !claim_name(tx, call).await? {
        return Err(Failure::Taken);
    }
    tx.execute(
        "UPDATE callbacks SET attached = true WHERE call_sid = $1 AND account_sid = $2 AND NOT attached",
        &[(&name, Type::TEXT), (&account, Type::TEXT)],
    )
    .await?;
    // The first to complete is the call's.
    words.sort_by_key(|(_, status)| status != COMPLETED);
    let mut announced = Vec::new();
    for (name, status) in words {
        let row = heed(tx, call.call_sid, name, &status).await?;
        announced.extend(row.filter(|_| status == COMPLETED));
    }
    bury(tx, call.call_sid).await?;
    let primary = one(tx, call.call_sid).await?.ok_or_else(|| CatalogError("a call has no recording".into()))?;
    Ok((!erased).then_some(Registered { created, primary, announced }))
}

pub(super) async fn keep(
    connections: &Connections,
    callback: &Callback,
    owner: Option<&Tenant>,
) -> Result<Kept, CatalogError> {
    let tx = connections.begin(&[callback.call_sid.as_str(), callback.recording_sid.as_str()]).await?;
    let outcome = keep_within(&tx, callback, owner).await;
    Ok(tx.end(outcome).await?)
}

async fn keep_within(tx: &Transaction, callback: &Callback, owner: Option<&Tenant>) -> Result<Kept, Failure> {
    let (name, call) = (callback.recording_sid.as_str(), callback.call_sid.as_str());
    let (status, account): (&str, &str) = (&text(&callback.status), &text(&callback.account_sid));
    let fresh = tx
        .execute(
            "INSERT INTO callbacks (recording_sid, status, call_sid, account_sid, received_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            &[
                (&name, Type::TEXT),
                (&status, Type::TEXT),
                (&call, Type::TEXT),
                (&account, Type::TEXT),
                (&callback.received_at.0, Type::INT8),
            ],
        )
        .await?;
    if fresh == 0 {
        return Ok(Kept::Repeated);
    }
    let known = tx.first("SELECT account_sid FROM calls WHERE call_sid = $1", &[(&call, Type::TEXT)]).await?;
    let known = known.map(|row| row.try_get::<_, String>(0)).transpose()?;
    match (known, owner) {
        (Some(known), _) if known == account => {}
        (None, Some(tenant)) => {
            let call = NewCall {
                call_sid: callback.call_sid,
                tenant: tenant.clone(),
                account_sid: callback.account_sid.clone(),
                recording_sid: None,
                about: About::default(),
            };
            upsert_call(tx, &call).await?;
        }
        // Nobody's yet; or another account's, whose word alone counts.
        (None, None) | (Some(_), _) => {
            forget_old(tx, callback.received_at).await?;
            return Ok(Kept::Waiting);
        }
    }
    tx.execute(
        "UPDATE callbacks SET attached = true WHERE recording_sid = $1 AND status = $2",
        &[(&name, Type::TEXT), (&status, Type::TEXT)],
    )
    .await?;
    let row = heed(tx, callback.call_sid, callback.recording_sid, &callback.status).await?;
    Ok(row.map_or(Kept::Waiting, |row| Kept::Attached(Box::new(row))))
}

pub(super) async fn name(connections: &Connections, sid: Sid, recording_sid: Sid) -> Result<Option<Row>, CatalogError> {
    let tx = connections.begin(&[sid.as_str(), recording_sid.as_str()]).await?;
    let outcome = name_within(&tx, sid, recording_sid).await;
    Ok(tx.end(outcome).await?)
}

async fn name_within(tx: &Transaction, sid: Sid, recording_sid: Sid) -> Result<Option<Row>, Failure> {
    // Another recording of that name exists when a callback for it came first; it keeps the name.
    tx.execute(
        "UPDATE recordings SET recording_sid = $1 WHERE sid = $2 AND recording_sid IS NULL
         AND NOT EXISTS (SELECT FROM recordings WHERE recording_sid = $1)",
        &[(&recording_sid.as_str(), Type::TEXT), (&sid.as_str(), Type::TEXT)],
    )
    .await?;
    bury(tx, sid).await?;
    one(tx, sid).await
}

/// Inserts the call and its primary recording, or updates what is known about the call.
async fn upsert_call(tx: &Transaction, call: &NewCall) -> Result<(), Failure> {
    let about = &call.about;
    let sid = call.call_sid.as_str();
    let started_at = about.started_at.map(|at| at.0);
    tx.execute(
        "INSERT INTO calls AS c (call_sid, tenant, account_sid, started_at, duration_s, from_party, to_party,
                                 direction, title, listed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($4, $10))
         ON CONFLICT (call_sid) DO UPDATE SET
             started_at = coalesce(excluded.started_at, c.started_at),
             duration_s = coalesce(excluded.duration_s, c.duration_s),
             from_party = coalesce(excluded.from_party, c.from_party),
             to_party = coalesce(excluded.to_party, c.to_party),
             direction = coalesce(excluded.direction, c.direction),
             title = coalesce(excluded.title, c.title),
             listed_at = coalesce(excluded.started_at, c.listed_at)",
        &[
            (&sid, Type::TEXT),
            (&text(call.tenant.as_str()), Type::TEXT),
            (&text(&call.account_sid), Type::TEXT),
            (&started_at, Type::INT8),
            (&about.duration_s.map(i64::from), Type::INT8),
            (&about.from.as_deref().map(text), Type::TEXT),
            (&about.to.as_deref().map(text), Type::TEXT),
            (&about.direction.as_deref().map(text), Type::TEXT),
            (&about.title.as_deref().map(text), Type::TEXT),
            (&Timestamp::now().0, Type::INT8),
        ],
    )
    .await?;
    tx.execute(
        "INSERT INTO recordings (sid, call_sid) VALUES ($1, $1) ON CONFLICT (sid) DO NOTHING",
        &[(&sid, Type::TEXT)],
    )
    .await?;
    if started_at.is_some() {
        tx.execute(
            "UPDATE recordings SET aged_from = $1 WHERE call_sid = $2 AND aged_from IS NOT NULL",
            &[(&started_at, Type::INT8), (&sid, Type::TEXT)],
        )
        .await?;
    }
    Ok(())
}

/// Gives the primary recording the provider's name that it was registered with; false when it has another.
async fn claim_name(tx: &Transaction, call: &NewCall) -> Result<bool, Failure> {
    let Some(name) = call.recording_sid else { return Ok(true) };
    let named = tx
        .execute(
            "UPDATE recordings SET recording_sid = $1 WHERE sid = $2 AND coalesce(recording_sid, $1) = $1",
            &[(&name.as_str(), Type::TEXT), (&call.call_sid.as_str(), Type::TEXT)],
        )
        .await?;
    Ok(named == 1)
}

/// What a word of the provider changes, in whatever order its words come: `absent` is its last word about a recording, and
/// `completed` outdoes `failed`. The row that it is about.
async fn heed(tx: &Transaction, call: Sid, name: Sid, status: &str) -> Result<Option<Row>, Failure> {
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

async fn was_told(tx: &Transaction, name: Sid, status: &str) -> Result<bool, Failure> {
    let told = "SELECT 1 FROM callbacks WHERE recording_sid = $1 AND status = $2";
    Ok(tx.first(told, &[(&name.as_str(), Type::TEXT), (&status, Type::TEXT)]).await?.is_some())
}

/// Ends the wait for the recording of that name, or for the call's, while that has none. What has landed stays, and what
/// is on its way is asked of the source.
async fn settle(tx: &Transaction, call: Sid, name: Sid, state: State, code: Code) -> Result<(), Failure> {
    tx.execute(
        "UPDATE recordings SET v = v + 1, state = $1, code = $2, retry_at = NULL
         WHERE call_sid = $4 AND (recording_sid = $3 OR (sid = $4 AND recording_sid IS NULL))
         AND state IN ('unknown', 'queued', 'failed') AND state <> $1",
        &[
            (&state.as_str(), Type::TEXT),
            (&code.as_str(), Type::TEXT),
            (&name.as_str(), Type::TEXT),
            (&call.as_str(), Type::TEXT),
        ],
    )
    .await?;
    Ok(())
}

/// Makes a completed recording the call's primary one if it has none, else a further one.
async fn attach(tx: &Transaction, call: Sid, name: Sid) -> Result<Option<Row>, Failure> {
    let (recording, owner) = (name.as_str(), call.as_str());
    tx.execute(
        // The provider's word about another one was no word about this.
        "UPDATE recordings SET recording_sid = $1,
                v = v + CASE WHEN code = 'absent' THEN 1 ELSE 0 END,
                state = CASE WHEN code = 'absent' THEN 'unknown' ELSE state END,
                code = CASE WHEN code = 'absent' THEN NULL ELSE code END
         WHERE sid = $2 AND recording_sid IS NULL
         AND NOT EXISTS (SELECT FROM recordings WHERE recording_sid = $1)",
        &[(&recording, Type::TEXT), (&owner, Type::TEXT)],
    )
    .await?;
    tx.execute(
        "INSERT INTO recordings (sid, call_sid, recording_sid) SELECT $1, $2, $1
         WHERE NOT EXISTS (SELECT FROM recordings WHERE recording_sid = $1)",
        &[(&recording, Type::TEXT), (&owner, Type::TEXT)],
    )
    .await?;
    bury(tx, call).await?;
    by_provider_name(tx, name).await
}

/// Whatever somebody else has in hand is left to the next time: it would be waited for under our own locks.
async fn forget_old(tx: &Transaction, now: Timestamp) -> Result<(), Failure> {
    tx.execute(
        "DELETE FROM callbacks WHERE (recording_sid, status) IN (
             SELECT recording_sid, status FROM callbacks WHERE NOT attached AND received_at < $1
             FOR UPDATE SKIP LOCKED)",
        &[(&(now.0 - KEPT_DAYS * 86_400_000), Type::INT8)],
    )
    .await?;
    Ok(())
}

async fn one(tx: &Transaction, sid: Sid) -> Result<Option<Row>, Failure> {
    fetch(tx, "r.sid", sid).await
}

async fn by_provider_name(tx: &Transaction, sid: Sid) -> Result<Option<Row>, Failure> {
    fetch(tx, "r.recording_sid", sid).await
}

async fn fetch(tx: &Transaction, column: &str, sid: Sid) -> Result<Option<Row>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE {column} = $1");
    let found = tx.first(&sql, &[(&sid.as_str(), Type::TEXT)]).await?;
    Ok(found.as_ref().map(row).transpose()?)
}
