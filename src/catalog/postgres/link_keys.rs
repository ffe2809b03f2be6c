//! Keys that sign links. Knows no link.

use tokio_postgres::Row as PgRow;
use tokio_postgres::types::Type;

use super::connections::{Connections, Failure, LINK_KEYS, Transaction};
use crate::catalog::{CatalogError, LinkKey};
use crate::recording::Timestamp;
use crate::secret::Secret;

const ALL: &str = "SELECT kid, secret, signs_until, good_until FROM link_keys ORDER BY signs_until DESC";

pub(super) async fn all(connections: &Connections) -> Result<Vec<LinkKey>, CatalogError> {
    connections.query(ALL, &[]).await?.iter().map(key).collect()
}

/// One transaction under a lock: servers that need a key at the same moment get the same one.
pub(super) async fn renew(
    connections: &Connections,
    fresh: &LinkKey,
    now: Timestamp,
) -> Result<Vec<LinkKey>, CatalogError> {
    let tx = connections.begin(&[LINK_KEYS]).await?;
    let outcome = renew_within(&tx, fresh, now).await;
    Ok(tx.end(outcome).await?)
}

async fn renew_within(tx: &Transaction, fresh: &LinkKey, now: Timestamp) -> Result<Vec<LinkKey>, Failure> {
    tx.execute(
        "INSERT INTO link_keys (kid, secret, signs_until, good_until) SELECT $1, $2, $3, $4
         WHERE NOT EXISTS (SELECT FROM link_keys WHERE signs_until > $5)",
        &[
            (&fresh.kid, Type::TEXT),
            (&fresh.secret.reveal(), Type::TEXT),
            (&fresh.signs_until.0, Type::INT8),
            (&fresh.good_until.0, Type::INT8),
            (&now.0, Type::INT8),
        ],
    )
    .await?;
    // The one that was there may have been made when links were good for a shorter time.
    let ttl = fresh.good_until.0 - fresh.signs_until.0;
    tx.execute(
        "UPDATE link_keys SET good_until = greatest(good_until, signs_until + $1) WHERE signs_until > $2",
        &[(&ttl, Type::INT8), (&now.0, Type::INT8)],
    )
    .await?;
    Ok(tx.query(ALL, &[]).await?.iter().map(key).collect::<Result<_, _>>()?)
}

/// Those whose last link has run out.
pub(super) async fn forget_old(connections: &Connections, now: Timestamp) -> Result<(), CatalogError> {
    connections.query("DELETE FROM link_keys WHERE good_until <= $1", &[(&now.0, Type::INT8)]).await?;
    Ok(())
}

fn key(row: &PgRow) -> Result<LinkKey, CatalogError> {
    Ok(LinkKey {
        kid: row.try_get("kid")?,
        secret: Secret::new(row.try_get("secret")?),
        signs_until: Timestamp(row.try_get("signs_until")?),
        good_until: Timestamp(row.try_get("good_until")?),
    })
}
