//! Connections to the database, and transactions with their locks. Knows no table.
//!
//! A transaction pooler may stand in between (PgBouncer in transaction mode): it lends a server's session for one
//! transaction, and outside of one from each message to the server's next "ready for query". So nothing here outlives a
//! transaction: no prepared statement, no `SET`, no session lock. And no statement is taken apart: `query_typed` sends
//! parse, bind, execute and one sync together. Drivers that prepare first and wait for that (sqlx among them, without its
//! cache and with unnamed statements too) send two syncs, between which the pooler may go to another session, where the
//! statement does not exist; they are sound only within `BEGIN … COMMIT`, at four round trips a read instead of one.

use std::future::Future;
use std::sync::OnceLock;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError};
use tokio::time::{Duration, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use super::connector::Connector;
use super::options::PostgresOptions;
use crate::catalog::CatalogError;
use crate::telemetry;

/// How long a method may take, from waiting for a connection to the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of that may be spent waiting for a connection that others use.
const CONNECTION_WITHIN: Duration = Duration::from_secs(3);
/// Connections of one server process to its catalog. A pooler lends sessions to fewer.
pub(super) const MOST_CONNECTIONS: usize = 16;
/// A server that hangs within a transaction must not hold up the others for long; and whoever waits for a lock gives up
/// before their caller does, so that the session is free again.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '4s'; SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// The same for a table of others: nothing is changed there, and a long search ends with the patience of who asked for it.
const BEGIN_READING: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = '4s'; SET LOCAL lock_timeout = '4s'";
/// The two locks that stand for no call: SIDs are 34 characters.
pub(super) const AUDIT: &str = "audit";
pub(super) const LINK_KEYS: &str = "link keys";

/// A value of a statement, with its type: nobody is asked what the statement takes.
pub(in crate::catalog) type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// Why something was not done.
#[derive(Debug)]
pub(in crate::catalog) enum Failure {
    /// Something of that name is there.
    Taken,
    /// Anything else.
    Catalog(CatalogError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.code() == Some(&SqlState::UNIQUE_VIOLATION) { Self::Taken } else { Self::Catalog(error.into()) }
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

impl From<Failure> for CatalogError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Taken => Self("something of that name is there already".into()),
            Failure::Catalog(error) => error,
        }
    }
}

impl From<Error> for CatalogError {
    fn from(error: Error) -> Self {
        // What it says itself is only which kind it is.
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(deeper) = cause {
            text += &format!(": {deeper}");
            cause = deeper.source();
        }
        Self(text)
    }
}

/// The connections of this process.
pub(in crate::catalog) struct Connections {
    pool: Pool<Connector>,
    /// Known as soon as the schema is there; nobody is lent a connection before.
    epoch: OnceLock<String>,
}

impl Connections {
    /// Connects to nothing yet, and to no more than `most` at once. Must be called within the runtime that connections are to live in: whoever asks may be on
    /// another one, which ends earlier.
    pub(in crate::catalog) fn new(options: &PostgresOptions, most: usize) -> Result<Self, CatalogError> {
        let pool = Pool::builder(Connector::new(options, most)?).max_size(most).runtime(Runtime::Tokio1);
        let pool = pool.wait_timeout(Some(CONNECTION_WITHIN)).build();
        let pool = pool.map_err(|error| CatalogError(error.to_string()))?;
        Ok(Self { pool, epoch: OnceLock::new() })
    }

    /// Who counts the versions, where the schema is known to be there.
    pub(super) fn epoch(&self) -> Option<&str> {
        self.epoch.get().map(String::as_str)
    }

    /// The schema is there.
    pub(super) fn open(&self, epoch: String) {
        // It is the database's, and the same for whoever came first.
        let _ = self.epoch.set(epoch);
    }

    /// The rows of one statement, in one round trip.
    pub(super) async fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        self.session().await?.query(sql, values).await
    }

    /// The same, whatever is known of the schema.
    pub(super) async fn query_anyhow(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        self.lend().await?.query(sql, values).await
    }

    /// The rows of one statement that must change nothing, and is ended by the database when it takes too long; of whatever
    /// schema.
    pub(in crate::catalog) async fn read(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        let session = self.lend().await?;
        session.client()?.batch_execute(BEGIN_READING).await?;
        let transaction = Transaction(session);
        let rows = transaction.query(sql, values).await;
        transaction.end(rows).await
    }

    /// Begins a transaction that nobody else who locks one of these names has at the same time. They are locked in their
    /// order here: calls before recordings, else two could wait for each other.
    pub(super) async fn begin(&self, names: &[&str]) -> Result<Transaction, Failure> {
        Transaction::begin(self.session().await?, names).await
    }

    /// The same, whatever is known of the schema.
    pub(super) async fn begin_anyhow(&self, names: &[&str]) -> Result<Transaction, Failure> {
        Transaction::begin(self.lend().await?, names).await
    }

    async fn session(&self) -> Result<Session, CatalogError> {
        if self.epoch.get().is_none() {
            return Err(CatalogError("the database has not answered since the start".into()));
        }
        self.lend().await
    }

    async fn lend(&self) -> Result<Session, CatalogError> {
        match self.pool.get().await {
            Ok(client) => Ok(Session(Some(client))),
            Err(PoolError::Timeout(_)) => {
                telemetry::limited("catalog_connections");
                Err(CatalogError("all connections to the database are busy".into()))
            }
            Err(PoolError::Backend(error)) => Err(error),
            Err(error) => Err(CatalogError(error.to_string())),
        }
    }
}

/// Every method answers or fails within seconds, whatever becomes of the network.
pub(in crate::catalog) async fn within<T, E: From<CatalogError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(CatalogError("the database does not answer in time".into()).into()),
    }
}

/// A borrowed connection. Unless its work came to an end, it is closed and not given back: nobody else is to wait for
/// the rest of it, and the database rolls back what was not committed.
struct Session(Option<Object<Connector>>);

impl Session {
    fn client(&self) -> Result<&Client, CatalogError> {
        self.0.as_ref().map(|object| &object.client).ok_or_else(|| CatalogError("the connection is gone".into()))
    }

    fn end(mut self) {
        self.0 = None;
    }

    async fn query(self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        let rows = self.client()?.query_typed(sql, values).await;
        self.end();
        Ok(rows?)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// A transaction; rolled back unless it is [ended](Self::end).
pub(super) struct Transaction(Session);

impl Transaction {
    async fn begin(session: Session, names: &[&str]) -> Result<Self, Failure> {
        session.client()?.batch_execute(BEGIN).await?;
        let transaction = Self(session);
        transaction.lock(names).await?;
        Ok(transaction)
    }

    /// Waits for whoever has these names, and has them until the end. They must come after those that are locked already.
    pub(super) async fn lock(&self, names: &[&str]) -> Result<(), Failure> {
        // Evaluated row by row, in the order of the array.
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1) AS name";
        if !names.is_empty() {
            self.execute(lock, &[(&names, Type::TEXT_ARRAY)]).await?;
        }
        Ok(())
    }

    pub(super) async fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        Ok(self.0.client()?.query_typed(sql, values).await?)
    }

    /// The first row.
    pub(super) async fn first(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>, Failure> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// How many rows were changed.
    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
        Ok(self.0.client()?.execute_typed(sql, values).await?)
    }

    /// Statements without values.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.0.client()?.batch_execute(sql).await?)
    }

    /// Commits what came to an end, and rolls back what failed.
    pub(super) async fn end<T>(self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let word = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.0.client()?.batch_execute(word).await;
        if ended.is_ok() {
            self.0.end();
        }
        let outcome = outcome?;
        ended?;
        Ok(outcome)
    }
}
