//! A look at a catalog's file, for operators: changes nothing in it, makes none, and works beside a running server.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrate;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

use super::MIGRATIONS;
use crate::catalog::Row;
use crate::catalog::listing::COLUMNS;
use crate::catalog::rows::row;

/// How long a lock of others is waited for: a healthy server holds one for milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the file is read through, and how long recordings are counted. Large catalogs take longer than anybody waits.
const READING: Duration = Duration::from_secs(1);

/// An open look.
pub struct Inspection {
    connection: SqliteConnection,
    options: SqliteConnectOptions,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Steps of the schema that the next start will take.
    pub pending_migrations: usize,
    /// Steps that a newer Landfall has taken.
    pub unknown_migrations: usize,
    /// What is damaged; `None` where the whole file could not be read in a second.
    pub damage: Option<Vec<String>>,
    /// How many recordings are in each state, with the reason where there is one; `None` where they are too many to be
    /// counted in a second.
    pub states: Option<Vec<(String, Option<String>, u64)>>,
}

/// Why a look finds nothing.
#[derive(Debug)]
pub enum InspectionError {
    /// There is no such file.
    Missing,
    /// This user may not read it, or not write it.
    Forbidden(String),
    /// Another process holds it locked, and does not let go.
    Locked,
    /// It is no database, or a broken one.
    Damaged(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for InspectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is not there"),
            Self::Locked => f.write_str("another process holds it locked"),
            Self::Forbidden(why) | Self::Damaged(why) | Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for InspectionError {}

impl From<sqlx::Error> for InspectionError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        // The primary codes of SQLite's "Result and Error Codes": PERM, BUSY, LOCKED, READONLY, CORRUPT, CANTOPEN, AUTH, NOTADB.
        match code.map(|code| code & 0xFF) {
            Some(5 | 6) => Self::Locked,
            Some(3 | 8 | 14 | 23) => Self::Forbidden(error.to_string()),
            Some(11 | 26) => Self::Damaged(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl Inspection {
    /// Opens the file, which must be there.
    pub async fn open(path: &Path) -> Result<Self, InspectionError> {
        match tokio::fs::metadata(path).await {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(InspectionError::Missing),
            Err(error) => return Err(InspectionError::Forbidden(error.to_string())),
        }
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE);
        let mut connection = options.connect().await?;
        sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(&mut connection).await?;
        Ok(Self { connection, options })
    }

    /// Looks at all of it, at the damage first.
    pub async fn findings(&mut self) -> Result<Findings, InspectionError> {
        let damage = self.damage().await?;
        let (pending_migrations, unknown_migrations) = self.migrations().await?;
        let states = if self.has("recordings").await? { self.states().await? } else { Some(Vec::new()) };
        Ok(Findings { pending_migrations, unknown_migrations, damage, states })
    }

    /// Steps of the schema that are to be taken, and steps that only a newer version knows.
    pub async fn migrations(&mut self) -> Result<(usize, usize), InspectionError> {
        if !self.has(&MIGRATIONS.table_name).await? {
            return Ok((MIGRATIONS.iter().count(), 0));
        }
        let applied = self.connection.list_applied_migrations(&MIGRATIONS.table_name).await;
        let applied = applied.map_err(|error| InspectionError::Failed(error.to_string()))?;
        let is_applied = |version| applied.iter().any(|applied| applied.version == version);
        let pending = MIGRATIONS.iter().filter(|step| !is_applied(step.version)).count();
        let unknown = applied.iter().filter(|applied| !MIGRATIONS.version_exists(applied.version)).count();
        Ok((pending, unknown))
    }

    async fn has(&mut self, table: &str) -> Result<bool, InspectionError> {
        let query = sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").bind(table);
        Ok(query.fetch_optional(&mut self.connection).await?.is_some())
    }

    /// Whether it takes writes: takes the one lock for them, and gives it back.
    pub async fn check_writable(&mut self) -> Result<(), InspectionError> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        sqlx::query("ROLLBACK").execute(&mut self.connection).await?;
        Ok(())
    }

    /// Some landed recording.
    pub async fn landed(&mut self) -> Result<Option<Row>, InspectionError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.state = 'ready' AND r.size > 1 LIMIT 1"
        );
        let found = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_optional(&mut self.connection).await?;
        found.map(|found| row(&found)).transpose().map_err(|error| InspectionError::Failed(error.0))
    }

    async fn damage(&self) -> Result<Option<Vec<String>>, InspectionError> {
        let Some(rows) = self.read_a_while("PRAGMA quick_check(3)").await? else { return Ok(None) };
        let lines = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        Ok(Some(lines.into_iter().filter(|line| line != "ok").collect()))
    }

    async fn states(&self) -> Result<Option<Vec<(String, Option<String>, u64)>>, InspectionError> {
        let sql = "SELECT state, code, count(*) FROM recordings GROUP BY state, code ORDER BY state, code";
        let Some(rows) = self.read_a_while(sql).await? else { return Ok(None) };
        let count = |row: &SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get::<i64, _>(2)?.unsigned_abs()));
        Ok(Some(rows.iter().map(count).collect::<Result<_, sqlx::Error>>()?))
    }

    /// What may read the whole file, on a connection of its own: one whose query was given up is of no use for another.
    async fn read_a_while(&self, sql: &'static str) -> Result<Option<Vec<SqliteRow>>, InspectionError> {
        let mut connection = self.options.connect().await?;
        let Ok(rows) = timeout(READING, sqlx::query(sql).fetch_all(&mut connection)).await else { return Ok(None) };
        let rows = rows?;
        let _ = connection.close().await;
        Ok(Some(rows))
    }

    /// Lets go of the file.
    pub async fn close(self) {
        let _ = self.connection.close().await;
    }
}
