//! The catalog of many servers: a database of PostgreSQL, which may stand behind a transaction pooler.

mod audit;
mod bookmarks;
mod connections;
mod connector;
mod lifecycle;
mod link_keys;
mod migrate;
mod options;
mod rows;
#[cfg(test)]
mod tests;
mod tls;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::runtime::Handle;
use tokio::time::{Duration, timeout};
use tokio_postgres::types::Type;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::listing::{self, COLUMNS};
use super::rows::{row, status};
use super::{
    Aged, AuditQuery, Callback, Catalog, CatalogError, Change, Deed, Entry, EraseError, Kept, LINK_KEYS_KEPT, LinkKey,
    ListQuery, NewCall, Page, RegisterError, Registered, Row, SourceDeletion,
};
use crate::recording::{Media, Scope, Sid, State, Status, Tenant, Timestamp};
use connections::MOST_CONNECTIONS;
pub(super) use connections::{Connections, Value, within};
pub use options::{BadUrl, PostgresOptions};
use rows::text;

/// How long a start waits for the schema: another server may be at it.
const SCHEMA_WITHIN: Duration = Duration::from_secs(60);
/// The calls of one tenant.
const OF_TENANT: &str = "c.tenant = $1";
/// What [`status`] reads.
const STATUS: &str = "v, state, code, retry_at, container, size, channels, duration_ms";

/// Landings that are noted at the same time: of the connections, some are left to listeners.
const LANDINGS_AT_ONCE: usize = 4;

/// From one look whether a database that was away at the start has come to the next.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A catalog in a database that other servers use at the same time.
pub struct PostgresCatalog {
    connections: Arc<Connections>,
    /// Waits for a database that was away at the start.
    _waiting: Option<AbortOnDropHandle<()>>,
}

impl PostgresCatalog {
    /// Connects, and makes tables where they are missing. A database that is away is no reason to fail: every method
    /// does until it has come. One that refuses us is.
    pub async fn open(options: &PostgresOptions) -> Result<Self, CatalogError> {
        let connections = Arc::new(Connections::new(options, MOST_CONNECTIONS)?);
        let Err(error) = connector::reach(options).await else {
            connections.open(schema(&connections).await?);
            return Ok(Self { connections, _waiting: None });
        };
        warn!(%error, "the database is away; everything else starts, and it is looked for again and again");
        let waiting = Handle::current().spawn(wait(connections.clone(), options.clone()));
        Ok(Self { connections, _waiting: Some(AbortOnDropHandle::new(waiting)) })
    }

    async fn landed_one(&self, sid: Sid, media: Media) -> Result<Option<Status>, CatalogError> {
        // The call's row is locked: its start, if a registration is about to note one, counts.
        let sql = format!(
            "WITH c AS (SELECT call_sid AS call, started_at FROM calls
                        WHERE call_sid = (SELECT call_sid FROM recordings WHERE sid = $6) FOR SHARE)
             UPDATE recordings SET v = v + 1, state = 'ready', code = NULL, retry_at = NULL,
                    container = $1, size = $2, channels = $3, duration_ms = $4, aged_from = coalesce(c.started_at, $5)
             FROM c WHERE sid = $6 AND call_sid = c.call AND state NOT IN ('ready', 'gone')
             RETURNING {STATUS}"
        );
        let values: &[Value<'_>] = &[
            (&media.container.extension(), Type::TEXT),
            (&(media.size as i64), Type::INT8),
            (&i64::from(media.channels), Type::INT8),
            (&(media.duration_ms as i64), Type::INT8),
            (&Timestamp::now().0, Type::INT8),
            (&sid.as_str(), Type::TEXT),
        ];
        let changed = within(self.connections.query(&sql, values)).await?;
        changed.first().map(status).transpose()
    }

    /// Whether the database answers and has a catalog; changes nothing, and makes none.
    pub async fn inspect(options: &PostgresOptions) -> Result<bool, CatalogError> {
        let connections = Connections::new(options, MOST_CONNECTIONS)?;
        let tables = connections.query_anyhow("SELECT 1 FROM pg_tables WHERE tablename = 'recordings'", &[]).await?;
        Ok(!tables.is_empty())
    }
}

async fn schema(connections: &Connections) -> Result<String, CatalogError> {
    let made = timeout(SCHEMA_WITHIN, migrate::run(connections)).await;
    Ok(made.map_err(|_| CatalogError("the database does not answer in time".into()))??)
}

/// Returns when the database is there, and has the schema.
async fn wait(connections: Arc<Connections>, options: PostgresOptions) {
    let mut told = String::new();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let made = match connector::reach(&options).await {
            Ok(()) => schema(&connections).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(epoch) => {
                info!("the database is there");
                return connections.open(epoch);
            }
            Err(error) if error.0 == told => {}
            Err(error) => {
                warn!(%error, "the catalog cannot be used yet");
                told = error.0;
            }
        }
    }
}

/// A page of the calls for which `whose` holds, from the index `calls_of_tenant` or `calls_listed`: nothing to sort.
fn page_of(whose: &str) -> String {
    format!(
        "SELECT c.listed_at, {COLUMNS} FROM calls c JOIN recordings r ON r.sid = c.call_sid
         WHERE {whose} AND (c.listed_at, c.call_sid) < ($2, $3)
         ORDER BY c.listed_at DESC, c.call_sid DESC LIMIT $4"
    )
}

#[async_trait]
impl Catalog for PostgresCatalog {
    fn epoch(&self) -> Option<&str> {
        self.connections.epoch()
    }

    async fn check(&self) -> Result<(), CatalogError> {
        within(self.connections.query("SELECT 1 FROM calls LIMIT 1", &[])).await?;
        Ok(())
    }

    async fn find(&self, sids: &[Sid]) -> Result<Vec<Option<Row>>, CatalogError> {
        if sids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.sid = ANY($1)
             UNION ALL SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.recording_sid = ANY($1)"
        );
        let names: Vec<&str> = sids.iter().map(Sid::as_str).collect();
        let mut found: HashMap<Sid, Row> = HashMap::with_capacity(sids.len());
        for raw in within(self.connections.query(&sql, &[(&names, Type::TEXT_ARRAY)])).await? {
            let row = row(&raw)?;
            for name in row.0.names() {
                found.insert(name, row.clone());
            }
        }
        Ok(sids.iter().map(|sid| found.get(sid).cloned()).collect())
    }

    async fn list(&self, scope: &Scope, query: &ListQuery) -> Result<Page, CatalogError> {
        let (whose, tenant) = match scope {
            Scope::Tenant(tenant) => (OF_TENANT, text(tenant.as_str())),
            Scope::Every => ("$1 = ''", "".into()),
        };
        let (at, sid) = match &query.after {
            Some(cursor) => (cursor.listed_at.0, cursor.call_sid.as_str()),
            None => (i64::MAX, ""),
        };
        let scanned = listing::scanned(query);
        let sql = page_of(whose);
        let values: &[Value<'_>] =
            &[(&tenant, Type::TEXT), (&at, Type::INT8), (&sid, Type::TEXT), (&scanned, Type::INT8)];
        let rows = within(self.connections.query(&sql, values)).await?;
        let rows: Result<_, CatalogError> =
            rows.iter().map(|raw| Ok((row(raw)?, Timestamp(raw.try_get("listed_at")?)))).collect();
        Ok(listing::page(rows?, query))
    }

    async fn register(&self, call: &NewCall) -> Result<Registered, RegisterError> {
        within(write::register(&self.connections, call)).await
    }

    async fn keep(&self, callback: &Callback, owner: Option<&Tenant>) -> Result<Kept, CatalogError> {
        within(write::keep(&self.connections, callback, owner)).await
    }

    async fn name(&self, sid: Sid, recording_sid: Sid) -> Result<Option<Row>, CatalogError> {
        within(write::name(&self.connections, sid, recording_sid)).await
    }

    async fn unheard(
        &self,
        account_sid: &str,
        (since, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<(Row, Timestamp)>, CatalogError> {
        let sql = format!(
            "SELECT c.listed_at, {COLUMNS} FROM calls c JOIN recordings r ON r.sid = c.call_sid
             WHERE c.listed_at BETWEEN $1 AND $2 AND c.account_sid = $3
             AND r.state = 'unknown' AND r.recording_sid IS NULL
             ORDER BY c.listed_at DESC LIMIT $4"
        );
        let (account, limit) = (text(account_sid), limit as i64);
        let values: &[Value<'_>] =
            &[(&since.0, Type::INT8), (&until.0, Type::INT8), (&account, Type::TEXT), (&limit, Type::INT8)];
        let rows = within(self.connections.query(&sql, values)).await?;
        rows.iter().map(|raw| Ok((row(raw)?, Timestamp(raw.try_get("listed_at")?)))).collect()
    }

    async fn change(&self, sid: Sid, from: &[State], change: Change) -> Result<Option<Status>, CatalogError> {
        let sql = format!(
            "UPDATE recordings SET v = v + 1, state = $1, code = $2, retry_at = $3
             WHERE sid = $4 AND state = ANY($5) AND (state, code, retry_at) IS DISTINCT FROM ($1, $2, $3)
             RETURNING {STATUS}"
        );
        let states: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
        let values: &[Value<'_>] = &[
            (&change.state.as_str(), Type::TEXT),
            (&change.code.map(|code| code.as_str()), Type::TEXT),
            (&change.retry_at.map(|at| at.0), Type::INT8),
            (&sid.as_str(), Type::TEXT),
            (&states, Type::TEXT_ARRAY),
        ];
        let changed = within(self.connections.query(&sql, values)).await?;
        changed.first().map(status).transpose()
    }

    async fn landed(&self, landings: &[(Sid, Media)]) -> Result<Vec<Option<Status>>, CatalogError> {
        // A statement for each: two servers that note the same cannot wait for each other, and one that fails leaves the others be.
        let noted = stream::iter(landings.to_vec()).map(|(sid, media)| self.landed_one(sid, media));
        within(noted.buffered(LANDINGS_AT_ONCE).collect::<Vec<_>>().map(Ok::<_, CatalogError>))
            .await?
            .into_iter()
            .collect()
    }

    async fn link_keys(&self) -> Result<Vec<LinkKey>, CatalogError> {
        within(link_keys::all(&self.connections)).await
    }

    async fn renew_link_keys(&self, fresh: &LinkKey, now: Timestamp) -> Result<Vec<LinkKey>, CatalogError> {
        within(link_keys::renew(&self.connections, fresh, now)).await
    }

    async fn erase(&self, scope: &Scope, sid: Sid, at_source: bool) -> Result<Vec<Row>, EraseError> {
        within(lifecycle::erase(&self.connections, scope, sid, at_source)).await
    }

    async fn hold(&self, call_sid: Sid, held: bool) -> Result<(), CatalogError> {
        within(lifecycle::hold(&self.connections, call_sid, held)).await
    }

    async fn oldest(&self, after: Option<&Aged>, most: usize) -> Result<Vec<Aged>, CatalogError> {
        within(lifecycle::oldest(&self.connections, after, most)).await
    }

    async fn landed_bytes(&self) -> Result<u64, CatalogError> {
        within(lifecycle::landed_bytes(&self.connections)).await
    }

    async fn expire(&self, sid: Sid, at_source: bool) -> Result<Option<Row>, CatalogError> {
        within(lifecycle::expire(&self.connections, sid, at_source)).await
    }

    async fn source_deletions(&self, now: Timestamp, most: usize) -> Result<Vec<SourceDeletion>, CatalogError> {
        within(lifecycle::source_deletions(&self.connections, now, most)).await
    }

    async fn source_deleted(&self, sid: Sid) -> Result<(), CatalogError> {
        within(lifecycle::source_deleted(&self.connections, sid)).await
    }

    async fn source_deletion_failed(&self, sid: Sid, again: Timestamp) -> Result<(), CatalogError> {
        within(lifecycle::source_deletion_failed(&self.connections, sid, again)).await
    }

    async fn audit(&self, deeds: &[Deed]) -> Result<(), CatalogError> {
        within(audit::append(&self.connections, deeds)).await
    }

    async fn audited(&self, scope: &Scope, query: &AuditQuery) -> Result<Vec<Entry>, CatalogError> {
        within(audit::entries(&self.connections, scope, query)).await
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>, CatalogError> {
        within(bookmarks::get(&self.connections, name)).await
    }

    async fn set_bookmark(&self, name: &str, place: &str) -> Result<(), CatalogError> {
        within(bookmarks::set(&self.connections, name, place)).await
    }

    async fn tend(&self) -> Result<(), CatalogError> {
        within(link_keys::forget_old(&self.connections, Timestamp::now().minus(LINK_KEYS_KEPT))).await
    }

    async fn pending(&self) -> Result<Vec<Row>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid)
             WHERE r.state IN ('queued', 'downloading')"
        );
        within(self.connections.query(&sql, &[])).await?.iter().map(row).collect()
    }
}
