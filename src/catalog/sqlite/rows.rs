//! SQLite's rows, as [`rows`](crate::catalog::rows) read them.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::catalog::CatalogError;
use crate::catalog::rows::Columns;

impl Columns for SqliteRow {
    fn text(&self, column: &str) -> Result<Option<&str>, CatalogError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &str) -> Result<Option<i64>, CatalogError> {
        Ok(self.try_get(column)?)
    }
}
