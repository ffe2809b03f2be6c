//! The embedded catalog: one SQLite file, one writer, several readers.

mod audit;
mod bookmarks;
mod inspection;
mod lifecycle;
mod link_keys;
mod rows;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Row as _};

use super::listing::{self, COLUMNS};
use super::rows::{row, sid, status};
use super::{
    Aged, AuditQuery, Callback, Catalog, CatalogError, Change, Deed, Entry, EraseError, Kept, LINK_KEYS_KEPT, LinkKey,
    ListQuery, NewCall, Page, RegisterError, Registered, Row, SourceDeletion,
};
use crate::recording::{Media, Scope, Sid, State, Status, Tenant, Timestamp};
pub use inspection::{Findings, Inspection, InspectionError};

/// The calls of one tenant.
const OF_TENANT: &str = "c.tenant = ?";
/// How long a query waits for a connection or a lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that read, where there are cores for them: each has a cache of its own.
const MOST_READERS: usize = 4;

/// How the file came to be as it is, step by step.
static MIGRATIONS: Migrator = sqlx::migrate!("src/catalog/migrations/sqlite");

/// A catalog in one file.
pub struct SqliteCatalog {
    readers: SqlitePool,
    /// SQLite has one writer at a time; queueing here is fair, SQLite's busy loop is not.
    writer: SqlitePool,
    epoch: String,
}

impl SqliteCatalog {
    /// Opens the file, and makes it when it is missing.
    pub async fn open(path: &Path) -> Result<Self, CatalogError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| CatalogError(format!("{}: {error}", parent.display())))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A callback that was answered 204 must survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // In KiB. The kernel caches the file too: more would only be copies.
            .pragma("cache_size", "-512")
            .busy_timeout(PATIENCE);
        let writer = pool_of(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await.map_err(|error| CatalogError(error.to_string()))?;
        let most = std::thread::available_parallelism().map_or(MOST_READERS, usize::from).clamp(2, MOST_READERS);
        // Each look-up goes through the inner pages of a tree or two, and of a million recordings these alone are a megabyte.
        let readers = pool_of(most as u32).connect_lazy_with(options.read_only(true).pragma("cache_size", "-1024"));
        // A file can be put back from a backup, and then counts again from there: each start is an epoch of its own.
        Ok(Self { readers, writer, epoch: uuid::Uuid::new_v4().simple().to_string() })
    }
}

/// Connections to a file stay open as long as the pool. Whoever closes idle ones counts them, and SQLx (up to 0.9.0, issue 3645) can count
/// one less than none: it then loops for ever, and the catalog answers nobody.
fn pool_of(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(most).acquire_timeout(PATIENCE).idle_timeout(None).max_lifetime(None)
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

/// The primary recordings of so many calls: one look-up by name each, and one by place.
fn of_calls(count: usize) -> String {
    format!(
        "SELECT {COLUMNS} FROM calls c JOIN recordings r ON r.n = c.recording WHERE c.call_sid IN ({})",
        numbered(count)
    )
}

/// So many recordings by their own names: what they are stored under, or what the provider calls them.
fn of_recordings(count: usize) -> String {
    let marks = numbered(count);
    format!(
        "SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.sid IN ({marks})
         UNION SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.recording_sid IN ({marks})"
    )
}

fn numbered(count: usize) -> String {
    let marks: Vec<String> = (1..=count).map(|n| format!("?{n}")).collect();
    marks.join(",")
}

/// A page of the calls for which `whose` holds. A tenant's is read from the index `calls_of_tenant` alone, but for states.
fn page_of(whose: &str) -> String {
    // The plus keeps SQLite from planning for one number of rows: it would plan anew each time the number is bound.
    format!(
        "SELECT c.listed_at, {COLUMNS} FROM calls c JOIN recordings r ON r.n = c.recording
         WHERE {whose} AND (c.listed_at, c.call_sid) < (?, ?)
         ORDER BY c.listed_at DESC, c.call_sid DESC LIMIT +?"
    )
}

#[async_trait]
impl Catalog for SqliteCatalog {
    fn epoch(&self) -> Option<&str> {
        Some(&self.epoch)
    }

    async fn check(&self) -> Result<(), CatalogError> {
        sqlx::query("SELECT 1 FROM calls LIMIT 1").fetch_optional(&self.readers).await?;
        Ok(())
    }

    async fn find(&self, sids: &[Sid]) -> Result<Vec<Option<Row>>, CatalogError> {
        let (calls, recordings): (Vec<Sid>, Vec<Sid>) = sids.iter().partition(|sid| sid.is_call());
        let mut found = HashMap::with_capacity(sids.len());
        for (names, sql) in [(calls, of_calls as fn(usize) -> String), (recordings, of_recordings)] {
            if names.is_empty() {
                continue;
            }
            let mut query = sqlx::query(AssertSqlSafe(sql(names.len())));
            for name in &names {
                query = query.bind(name.as_str());
            }
            for raw in query.fetch_all(&self.readers).await? {
                let row = row(&raw)?;
                for name in row.0.names() {
                    found.insert(name, row.clone());
                }
            }
        }
        Ok(sids.iter().map(|sid| found.get(sid).cloned()).collect())
    }

    async fn list(&self, scope: &Scope, query: &ListQuery) -> Result<Page, CatalogError> {
        let (whose, tenant) = match scope {
            Scope::Tenant(tenant) => (OF_TENANT, tenant.as_str()),
            Scope::Every => ("'' = ?", ""),
        };
        let sql = page_of(whose);
        let (at, sid) = match &query.after {
            Some(cursor) => (cursor.listed_at.0, cursor.call_sid.to_string()),
            None => (i64::MAX, String::new()),
        };
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(tenant)
            .bind(at)
            .bind(sid)
            .bind(listing::scanned(query))
            .fetch_all(&self.readers)
            .await?;
        let rows: Result<_, CatalogError> =
            rows.iter().map(|raw| Ok((row(raw)?, Timestamp(raw.try_get("listed_at")?)))).collect();
        Ok(listing::page(rows?, query))
    }

    async fn register(&self, call: &NewCall) -> Result<Registered, RegisterError> {
        write::register(&self.writer, call).await
    }

    async fn keep(&self, callback: &Callback, owner: Option<&Tenant>) -> Result<Kept, CatalogError> {
        write::keep(&self.writer, callback, owner).await
    }

    async fn name(&self, sid: Sid, recording_sid: Sid) -> Result<Option<Row>, CatalogError> {
        write::name(&self.writer, sid, recording_sid).await?;
        Ok(self.find(&[sid]).await?.pop().flatten())
    }

    async fn unheard(
        &self,
        account_sid: &str,
        (since, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<(Row, Timestamp)>, CatalogError> {
        let sql = format!(
            "SELECT c.listed_at, {COLUMNS} FROM recordings r JOIN calls c ON c.call_sid = r.sid
             WHERE r.state = 'unknown' AND r.recording_sid IS NULL AND r.listed_at BETWEEN ? AND ? AND c.account_sid = ?
             ORDER BY r.listed_at DESC LIMIT +?"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(since.0)
            .bind(until.0)
            .bind(account_sid)
            .bind(limit as i64)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|raw| Ok((row(raw)?, Timestamp(raw.try_get("listed_at")?)))).collect()
    }

    async fn change(&self, sid: Sid, from: &[State], change: Change) -> Result<Option<Status>, CatalogError> {
        let states: Vec<String> = from.iter().map(|state| format!("'{}'", state.as_str())).collect();
        let sql = format!(
            "UPDATE recordings SET v = v + 1, state = ?1, code = ?2, retry_at = ?3
             WHERE sid = ?4 AND state IN ({}) AND (state, code, retry_at) IS NOT (?1, ?2, ?3)
             RETURNING v, state, code, retry_at, container, size, channels, duration_ms",
            states.join(",")
        );
        let changed = sqlx::query(AssertSqlSafe(sql))
            .bind(change.state.as_str())
            .bind(change.code.map(|code| code.as_str()))
            .bind(change.retry_at.map(|at| at.0))
            .bind(sid.as_str())
            .fetch_optional(&self.writer)
            .await?;
        changed.as_ref().map(status).transpose()
    }

    async fn landed(&self, landings: &[(Sid, Media)]) -> Result<Vec<Option<Status>>, CatalogError> {
        // One statement for all of them: each would be a transaction of its own, and a flush.
        let given = landings.iter().map(|(sid, media)| {
            let Media { container, size, channels, duration_ms } = media;
            json!([sid.as_str(), container.extension(), size, channels, duration_ms])
        });
        let changed = sqlx::query(
            "UPDATE recordings SET v = v + 1, state = 'ready', code = NULL, retry_at = NULL, container = value ->> 1,
                    size = value ->> 2, channels = value ->> 3, duration_ms = value ->> 4,
                    aged_from = coalesce((SELECT started_at FROM calls c WHERE c.call_sid = recordings.call_sid), ?2)
             FROM json_each(?1) WHERE sid = value ->> 0 AND state NOT IN ('ready', 'gone')
             RETURNING sid, v, state, code, retry_at, container, size, channels, duration_ms",
        )
        .bind(Value::from_iter(given).to_string())
        .bind(Timestamp::now().0)
        .fetch_all(&self.writer)
        .await?;
        let mut statuses = HashMap::with_capacity(changed.len());
        for raw in &changed {
            statuses.insert(sid(raw.try_get("sid")?)?, status(raw)?);
        }
        Ok(landings.iter().map(|(sid, _)| statuses.remove(sid)).collect())
    }

    async fn link_keys(&self) -> Result<Vec<LinkKey>, CatalogError> {
        link_keys::all(&self.readers).await
    }

    async fn renew_link_keys(&self, fresh: &LinkKey, now: Timestamp) -> Result<Vec<LinkKey>, CatalogError> {
        link_keys::renew(&self.writer, fresh, now).await
    }

    async fn erase(&self, scope: &Scope, sid: Sid, at_source: bool) -> Result<Vec<Row>, EraseError> {
        lifecycle::erase(&self.writer, scope, sid, at_source).await
    }

    async fn hold(&self, call_sid: Sid, held: bool) -> Result<(), CatalogError> {
        lifecycle::hold(&self.writer, call_sid, held).await
    }

    async fn oldest(&self, after: Option<&Aged>, most: usize) -> Result<Vec<Aged>, CatalogError> {
        lifecycle::oldest(&self.readers, after, most).await
    }

    async fn landed_bytes(&self) -> Result<u64, CatalogError> {
        lifecycle::landed_bytes(&self.readers).await
    }

    async fn expire(&self, sid: Sid, at_source: bool) -> Result<Option<Row>, CatalogError> {
        lifecycle::expire(&self.writer, sid, at_source).await
    }

    async fn source_deletions(&self, now: Timestamp, most: usize) -> Result<Vec<SourceDeletion>, CatalogError> {
        lifecycle::source_deletions(&self.readers, now, most).await
    }

    async fn source_deleted(&self, sid: Sid) -> Result<(), CatalogError> {
        lifecycle::source_deleted(&self.writer, sid).await
    }

    async fn source_deletion_failed(&self, sid: Sid, again: Timestamp) -> Result<(), CatalogError> {
        lifecycle::source_deletion_failed(&self.writer, sid, again).await
    }

    async fn audit(&self, deeds: &[Deed]) -> Result<(), CatalogError> {
        audit::append(&self.writer, deeds).await
    }

    async fn audited(&self, scope: &Scope, query: &AuditQuery) -> Result<Vec<Entry>, CatalogError> {
        audit::entries(&self.readers, scope, query).await
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>, CatalogError> {
        bookmarks::get(&self.readers, name).await
    }

    async fn set_bookmark(&self, name: &str, place: &str) -> Result<(), CatalogError> {
        bookmarks::set(&self.writer, name, place).await
    }

    async fn tend(&self) -> Result<(), CatalogError> {
        link_keys::forget_old(&self.writer, Timestamp::now().minus(LINK_KEYS_KEPT)).await?;
        // Where readers are never all idle at once the log is never begun anew by itself, and each start reads it whole.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_optional(&self.writer).await?;
        Ok(())
    }

    async fn pending(&self) -> Result<Vec<Row>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid)
             WHERE r.state IN ('queued', 'downloading')"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.readers).await?;
        rows.iter().map(row).collect()
    }
}
