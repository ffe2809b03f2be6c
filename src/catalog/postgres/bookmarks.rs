//! How far readers have come. Knows none of them.

use tokio_postgres::types::Type;

use super::connections::Connections;
use crate::catalog::CatalogError;

pub(super) async fn get(connections: &Connections, name: &str) -> Result<Option<String>, CatalogError> {
    let rows = connections.query("SELECT place FROM bookmarks WHERE name = $1", &[(&name, Type::TEXT)]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
}

pub(super) async fn set(connections: &Connections, name: &str, place: &str) -> Result<(), CatalogError> {
    let sql = "INSERT INTO bookmarks (name, place) VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET place = excluded.place";
    connections.query(sql, &[(&name, Type::TEXT), (&place, Type::TEXT)]).await?;
    Ok(())
}
