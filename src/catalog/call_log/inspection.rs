//! The table as somebody sees it who wants to know whether it is of use. Changes nothing.

use tokio_postgres::types::Type;

use super::options::CallLogOptions;
use super::shape::{Shape, TableError};
use super::{CallLog, Entry, Place, Skipped};
use crate::catalog::CatalogError;
use crate::catalog::postgres::{Connections, within};
use crate::recording::Timestamp;

/// Rows that are counted before it is enough to say that there are more.
const MOST_COUNTED: i64 = 100_000;
/// The newest rows, which are read one by one.
const SAMPLE: i64 = 100;

/// What was found.
pub struct Findings {
    /// Rows, up to 100,000.
    pub rows: u64,
    /// There are more than that.
    pub is_more: bool,
    /// Optional columns that are not there.
    pub missing: Vec<String>,
    /// The times in it have a time zone.
    pub is_zoned: bool,
    /// Columns that are looked for, and have no index.
    pub unindexed: Vec<String>,
    /// How many of the newest rows are calls.
    pub good: usize,
    /// Why others are not, each once.
    pub bad: Vec<(Skipped, usize)>,
    /// When the newest of them began.
    pub newest: Option<Timestamp>,
}

impl CallLog {
    /// Looks at the table.
    pub async fn inspect(options: &CallLogOptions) -> Result<Findings, TableError> {
        let connections = Connections::new(&options.database, 1)?;
        let shape = Shape::learn(&connections, options).await?;
        let table = options.table.quoted();
        let counting = format!("SELECT count(*) FROM (SELECT FROM {table} LIMIT {}) AS counted", MOST_COUNTED + 1);
        let counted = within(connections.read(&counting, &[])).await.map_err(CatalogError::from)?;
        let counted: i64 = counted.first().map_or(Ok(0), |row| row.try_get(0))?;
        // A view has no index of its own; what lies under it is not known here.
        let indexes =
            "SELECT a.attname::text FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid
                       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                       WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')";
        let indexed = within(connections.read(indexes, &[(&table, Type::TEXT)])).await.map_err(CatalogError::from)?;
        let indexed: Vec<Option<String>> = indexed.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let names = [&options.columns.call_sid, &options.columns.started_at];
        let unindexed =
            names.into_iter().filter(|name| !indexed.is_empty() && !indexed.contains(&Some((*name).clone())));
        let end = Place::end();
        let values: &[_] = &[(&end.at as _, Type::INT8), (&end.call_sid as _, Type::TEXT), (&SAMPLE as _, Type::INT8)];
        let sample = within(connections.read(&shape.before(), values)).await.map_err(CatalogError::from)?;
        let sample = sample.iter().map(|row| Entry::read(row, options.default_account.as_deref()));
        let (mut good, mut bad, mut newest) = (0, Vec::<(Skipped, usize)>::new(), None);
        for entry in sample {
            let at = entry.place.map(|place| Timestamp(place.at.div_euclid(1000)));
            newest = newest.max(at);
            match entry.leg {
                Ok(_) => good += 1,
                Err(why) => match bad.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, count)) => *count += 1,
                    None => bad.push((why, 1)),
                },
            }
        }
        Ok(Findings {
            rows: counted.min(MOST_COUNTED).unsigned_abs(),
            is_more: counted > MOST_COUNTED,
            unindexed: unindexed.cloned().collect(),
            missing: shape.missing,
            is_zoned: shape.is_zoned,
            good,
            bad,
            newest,
        })
    }
}
