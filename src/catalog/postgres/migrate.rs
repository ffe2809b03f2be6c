//! The schema, brought up to date, and the epoch. sqlx's migrator is not asked: it takes a lock of the session, and its
//! driver prepares statements, neither of which survives a transaction pooler.

use tokio_postgres::types::Type;

use super::connections::{Connections, Failure, Transaction};
use crate::catalog::CatalogError;

/// Servers that start at the same moment wait for each other.
const LOCK: &str = "migrations";

/// Makes what is missing, in one transaction, and tells the epoch: who counts the versions is the database, for all
/// servers on it.
pub(super) async fn run(connections: &Connections) -> Result<String, Failure> {
    let tx = connections.begin_anyhow(&[LOCK]).await?;
    let outcome = within(&tx).await;
    tx.end(outcome).await
}

async fn within(tx: &Transaction) -> Result<String, Failure> {
    let encoding = tx.first("SELECT current_setting('server_encoding')", &[]).await?;
    if encoding.is_none_or(|row| row.get::<_, &str>(0) != "UTF8") {
        return Err(CatalogError("the database's encoding is not UTF8: create it with ENCODING 'UTF8'".into()).into());
    }
    // Asked first: where the table is, the right to make tables is not needed.
    let there = tx.first("SELECT 1 WHERE to_regclass('landfall_migrations') IS NOT NULL", &[]).await?;
    if there.is_none() {
        tx.batch("CREATE TABLE landfall_migrations (version bigint PRIMARY KEY, checksum bytea NOT NULL)").await?;
    }
    let applied = tx.query("SELECT version, checksum FROM landfall_migrations ORDER BY version", &[]).await?;
    let ours = sqlx::migrate!("src/catalog/migrations/postgres");
    for (n, row) in applied.iter().enumerate() {
        let (version, checksum): (i64, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        match ours.migrations.get(n) {
            Some(migration) if migration.version == version && *migration.checksum == *checksum => {}
            _ => return Err(CatalogError(format!("migration {version} of the database is not this version's")).into()),
        }
    }
    for migration in ours.iter().skip(applied.len()) {
        tx.batch(migration.sql.as_str()).await?;
        let note = "INSERT INTO landfall_migrations (version, checksum) VALUES ($1, $2)";
        tx.execute(note, &[(&migration.version, Type::INT8), (&&*migration.checksum, Type::BYTEA)]).await?;
    }
    let fresh = uuid::Uuid::new_v4().simple().to_string();
    tx.execute("INSERT INTO epoch (epoch) SELECT $1 WHERE NOT EXISTS (SELECT FROM epoch)", &[(&fresh, Type::TEXT)])
        .await?;
    let epoch = tx.first("SELECT epoch FROM epoch", &[]).await?;
    Ok(epoch.map_or(Ok(fresh), |row| row.try_get(0))?)
}
