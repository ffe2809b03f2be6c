//! The audit: entries are added, in the order they are told, and read. Nothing here changes or removes one.

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::catalog::rows::entry;
use crate::catalog::{Action, AuditOrder, AuditQuery, CatalogError, Deed, Entry};
use crate::recording::{Scope, Tenant};

/// The recording that a name stands for.
const NAMED: &str =
    "SELECT sid FROM recordings WHERE sid = ?1 UNION SELECT sid FROM recordings WHERE recording_sid = ?1";

pub(super) async fn append(writer: &SqlitePool, deeds: &[Deed]) -> Result<(), CatalogError> {
    // What stands for no recording is nobody's, and a refusal to one who asks for what does not exist tells nothing.
    let known = format!(
        "INSERT INTO audit (sid, at, action, outcome, who, who_tenant, address, recording, tenant)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, r.sid, c.tenant FROM recordings r JOIN calls c USING (call_sid)
         WHERE r.sid IN ({NAMED}) LIMIT 1"
    );
    let unknown = "INSERT INTO audit (sid, at, action, outcome, who, who_tenant, address, recording)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1)";
    let mut connection = writer.acquire().await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for deed in deeds {
        for sql in [known.as_str(), unknown] {
            let added = sqlx::query(AssertSqlSafe(sql))
                .bind(deed.sid.as_str())
                .bind(deed.at.0)
                .bind(deed.action.as_str())
                .bind(deed.outcome)
                .bind(deed.who.as_deref())
                .bind(deed.who_tenant.as_ref().map(Tenant::as_str))
                .bind(deed.address.to_string())
                .execute(&mut *tx)
                .await?;
            if added.rows_affected() > 0 || deed.action == Action::Denied {
                break;
            }
        }
    }
    tx.commit().await?;
    Ok(())
}

pub(super) async fn entries(
    readers: &SqlitePool,
    scope: &Scope,
    query: &AuditQuery,
) -> Result<Vec<Entry>, CatalogError> {
    let mut sql = String::from(
        "SELECT id, at, tenant, sid, action, outcome, address,
                CASE WHEN ?2 IS NULL OR who_tenant IS NULL OR who_tenant = tenant THEN who END AS who
         FROM audit WHERE at >= ?3 AND at < ?4",
    );
    if query.of.is_some() {
        sql += &format!(" AND recording IN ({NAMED} UNION SELECT ?1)");
    }
    if *scope != Scope::Every {
        sql += " AND tenant = ?2";
    }
    let (from, order) = match query.order {
        AuditOrder::Before(id) => (id, " AND id < ?5 ORDER BY id DESC LIMIT +?6"),
        AuditOrder::After(id) => (id, " AND id > ?5 ORDER BY id LIMIT +?6"),
    };
    sql += order;
    let tenant = match scope {
        Scope::Tenant(tenant) => Some(tenant.as_str()),
        Scope::Every => None,
    };
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(query.of.as_ref().map(crate::recording::Sid::as_str))
        .bind(tenant)
        .bind(query.since.0)
        .bind(query.until.0)
        .bind(from)
        .bind(query.limit as i64)
        .fetch_all(readers)
        .await?;
    rows.iter().map(entry).collect()
}
