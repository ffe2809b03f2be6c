//! The audit: entries are added, in the order they are told, and read. Nothing here changes or removes one.

use tokio_postgres::types::Type;

use super::connections::{AUDIT, Connections, Failure, Transaction};
use super::rows::text;
use crate::catalog::rows::entry;
use crate::catalog::{AuditOrder, AuditQuery, CatalogError, Deed, Entry};
use crate::recording::{Scope, Sid};

/// One server appends at a time: the numbers of entries are seen in their order, so that who reads on from the last one
/// misses none that was numbered before it and committed after it.
pub(super) async fn append(connections: &Connections, deeds: &[Deed]) -> Result<(), CatalogError> {
    let tx = connections.begin(&[AUDIT]).await?;
    let outcome = append_within(&tx, deeds).await;
    Ok(tx.end(outcome).await?)
}

async fn append_within(tx: &Transaction, deeds: &[Deed]) -> Result<(), Failure> {
    let sids: Vec<&str> = deeds.iter().map(|deed| deed.sid.as_str()).collect();
    let ats: Vec<i64> = deeds.iter().map(|deed| deed.at.0).collect();
    let actions: Vec<&str> = deeds.iter().map(|deed| deed.action.as_str()).collect();
    let outcomes: Vec<&str> = deeds.iter().map(|deed| deed.outcome).collect();
    let who: Vec<Option<_>> = deeds.iter().map(|deed| deed.who.as_deref().map(text)).collect();
    let tenants: Vec<Option<_>> =
        deeds.iter().map(|deed| deed.who_tenant.as_ref().map(|tenant| text(tenant.as_str()))).collect();
    let addresses: Vec<String> = deeds.iter().map(|deed| deed.address.to_string()).collect();
    // What stands for no recording is nobody's, and a refusal to one who asks for what does not exist tells nothing.
    tx.execute(
        "INSERT INTO audit (sid, at, action, outcome, who, who_tenant, address, recording, tenant)
         SELECT d.sid, d.at, d.action, d.outcome, d.who, d.who_tenant, d.address, coalesce(k.sid, d.sid), k.tenant
         FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
              AS d (sid, at, action, outcome, who, who_tenant, address, n)
         LEFT JOIN LATERAL (SELECT r.sid, c.tenant FROM recordings r JOIN calls c USING (call_sid)
                            WHERE r.sid = d.sid OR r.recording_sid = d.sid LIMIT 1) k ON true
         WHERE k.sid IS NOT NULL OR d.action <> 'denied' ORDER BY d.n",
        &[
            (&sids, Type::TEXT_ARRAY),
            (&ats, Type::INT8_ARRAY),
            (&actions, Type::TEXT_ARRAY),
            (&outcomes, Type::TEXT_ARRAY),
            (&who, Type::TEXT_ARRAY),
            (&tenants, Type::TEXT_ARRAY),
            (&addresses, Type::TEXT_ARRAY),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn entries(
    connections: &Connections,
    scope: &Scope,
    query: &AuditQuery,
) -> Result<Vec<Entry>, CatalogError> {
    let mut sql = String::from(
        "SELECT id, at, tenant, sid, action, outcome, address,
                CASE WHEN $2 IS NULL OR who_tenant IS NULL OR who_tenant = tenant THEN who END AS who
         FROM audit WHERE at >= $3 AND at < $4 AND $1 IS NOT DISTINCT FROM $1",
    );
    if query.of.is_some() {
        sql += " AND recording IN (SELECT sid FROM recordings WHERE sid = $1 OR recording_sid = $1 UNION SELECT $1)";
    }
    if *scope != Scope::Every {
        sql += " AND tenant = $2";
    }
    let (from, order) = match query.order {
        AuditOrder::Before(id) => (id, " AND id < $5 ORDER BY id DESC LIMIT $6"),
        AuditOrder::After(id) => (id, " AND id > $5 ORDER BY id LIMIT $6"),
    };
    sql += order;
    let tenant = match scope {
        Scope::Tenant(tenant) => Some(text(tenant.as_str())),
        Scope::Every => None,
    };
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let rows = connections
        .query(
            &sql,
            &[
                (&query.of.as_ref().map(Sid::as_str), Type::TEXT),
                (&tenant, Type::TEXT),
                (&query.since.0, Type::INT8),
                (&query.until.0, Type::INT8),
                (&from, Type::INT8),
                (&limit, Type::INT8),
            ],
        )
        .await?;
    rows.iter().map(entry).collect()
}
