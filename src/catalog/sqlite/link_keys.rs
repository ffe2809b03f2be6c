//! Keys that sign links. Knows no link.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Connection as _, Row as _};

use crate::catalog::{CatalogError, LinkKey};
use crate::recording::Timestamp;
use crate::secret::Secret;

const ALL: &str = "SELECT kid, secret, signs_until, good_until FROM link_keys ORDER BY signs_until DESC";

pub(super) async fn all(readers: &SqlitePool) -> Result<Vec<LinkKey>, CatalogError> {
    Ok(sqlx::query(ALL).fetch_all(readers).await?.iter().map(key).collect::<Result<_, _>>()?)
}

/// One transaction: servers that need a key at the same moment get the same one.
pub(super) async fn renew(writer: &SqlitePool, fresh: &LinkKey, now: Timestamp) -> Result<Vec<LinkKey>, CatalogError> {
    let mut connection = writer.acquire().await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(
        "INSERT INTO link_keys (kid, secret, signs_until, good_until) SELECT ?, ?, ?, ?
         WHERE NOT EXISTS (SELECT 1 FROM link_keys WHERE signs_until > ?)",
    )
    .bind(&fresh.kid)
    .bind(fresh.secret.reveal())
    .bind(fresh.signs_until.0)
    .bind(fresh.good_until.0)
    .bind(now.0)
    .execute(&mut *tx)
    .await?;
    // The one that was there may have been made when links were good for a shorter time.
    sqlx::query("UPDATE link_keys SET good_until = max(good_until, signs_until + ?) WHERE signs_until > ?")
        .bind(fresh.good_until.0 - fresh.signs_until.0)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
    let keys = sqlx::query(ALL).fetch_all(&mut *tx).await?.iter().map(key).collect::<Result<_, _>>()?;
    tx.commit().await?;
    Ok(keys)
}

/// Those whose last link has run out.
pub(super) async fn forget_old(writer: &SqlitePool, now: Timestamp) -> Result<(), CatalogError> {
    sqlx::query("DELETE FROM link_keys WHERE good_until <= ?").bind(now.0).execute(writer).await?;
    Ok(())
}

fn key(row: &SqliteRow) -> Result<LinkKey, sqlx::Error> {
    Ok(LinkKey {
        kid: row.try_get("kid")?,
        secret: Secret::new(row.try_get("secret")?),
        signs_until: Timestamp(row.try_get("signs_until")?),
        good_until: Timestamp(row.try_get("good_until")?),
    })
}
