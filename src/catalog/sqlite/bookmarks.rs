//! How far readers have come. Knows none of them.

use sqlx::sqlite::SqlitePool;

use crate::catalog::CatalogError;

pub(super) async fn get(readers: &SqlitePool, name: &str) -> Result<Option<String>, CatalogError> {
    Ok(sqlx::query_scalar("SELECT place FROM bookmarks WHERE name = ?").bind(name).fetch_optional(readers).await?)
}

pub(super) async fn set(writer: &SqlitePool, name: &str, place: &str) -> Result<(), CatalogError> {
    let sql = "INSERT INTO bookmarks (name, place) VALUES (?, ?)
               ON CONFLICT (name) DO UPDATE SET place = excluded.place";
    sqlx::query(sql).bind(name).bind(place).execute(writer).await?;
    Ok(())
}
