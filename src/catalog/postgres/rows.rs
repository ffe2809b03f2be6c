//! PostgreSQL's rows, as [`rows`](crate::catalog::rows) read them.

use std::borrow::Cow;

use tokio_postgres::Row as PgRow;

use crate::catalog::CatalogError;
use crate::catalog::rows::Columns;

impl Columns for PgRow {
    fn text(&self, column: &str) -> Result<Option<&str>, CatalogError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &str) -> Result<Option<i64>, CatalogError> {
        Ok(self.try_get(column)?)
    }
}

/// A text as PostgreSQL takes it: it has no character zero.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
