//! What the table looks like, and the statements that fit it. Knows no call.

use std::fmt;

use tokio_postgres::types::Type;

use super::options::{CallLogOptions, quoted};
use crate::catalog::CatalogError;
use crate::catalog::postgres::{Connections, within};

/// The longest text that is fetched, in characters: what is longer is not taken over anyway.
const MOST_TEXT: usize = 1001;
/// Times that a calendar has and arithmetic can bear; `infinity` is none.
const TIMES: [&str; 2] = ["'1970-01-01'", "'10000-01-01'"];

/// Why the table cannot be read.
#[derive(Clone, Debug)]
pub enum TableError {
    /// The database does not answer, or refuses.
    Database(CatalogError),
    /// There is nothing of that name.
    NoTable(String),
    /// A column that must be there is not: its key and its name.
    NoColumn(&'static str, String),
    /// Columns that this user may not read.
    Forbidden(Vec<String>),
    /// A column of a type that its meaning does not have: key, name, type.
    BadType(&'static str, String, String),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::NoTable(table) => write!(f, "there is no table or view {table}"),
            Self::NoColumn(key, name) => write!(f, "it has no column {name:?} (call_log.{key})"),
            Self::Forbidden(names) => write!(f, "this user may not read {}", names.join(", ")),
            Self::BadType(key, name, kind) => write!(f, "the column {name:?} (call_log.{key}) is of the type {kind}"),
        }
    }
}

impl std::error::Error for TableError {}

impl From<CatalogError> for TableError {
    fn from(error: CatalogError) -> Self {
        Self::Database(error)
    }
}

impl From<tokio_postgres::Error> for TableError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<TableError> for CatalogError {
    fn from(error: TableError) -> Self {
        Self(format!("call_log: {error}"))
    }
}

/// The statements for one table.
pub(super) struct Shape {
    /// `SELECT … FROM table`, in the order that [`Entry::read`](super::Entry) knows.
    select: String,
    call_sid: String,
    started_at: String,
    /// The type of `started_at`, which moments are made into.
    moment: &'static str,
    /// Optional columns that are not there.
    pub missing: Vec<String>,
    /// `started_at` has a time zone.
    pub is_zoned: bool,
}

struct Column {
    name: String,
    kind: String,
    readable: bool,
}

impl Shape {
    /// Looks at the table.
    pub(super) async fn learn(connections: &Connections, options: &CallLogOptions) -> Result<Self, TableError> {
        let sql = "SELECT a.attname::text, format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), NULL),
                          has_column_privilege(a.attrelid, a.attnum, 'SELECT')
                   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped";
        let rows = within(connections.read(sql, &[(&options.table.quoted(), Type::TEXT)])).await;
        let rows = rows.map_err(CatalogError::from)?;
        let mut columns = Vec::with_capacity(rows.len());
        for row in rows {
            let (name, kind, readable) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            columns.push(Column { name, kind, readable });
        }
        Self::of(options, &columns)
    }

    fn of(options: &CallLogOptions, columns: &[Column]) -> Result<Self, TableError> {
        if columns.is_empty() {
            return Err(TableError::NoTable(options.table.to_string()));
        }
        let find = |name: &str| columns.iter().find(|column| column.name == name);
        let names = &options.columns;
        let needed = |key, name: &str| find(name).ok_or_else(|| TableError::NoColumn(key, name.to_owned()));
        let call_sid = needed("call_sid", &names.call_sid)?;
        let tenant = needed("tenant", &names.tenant)?;
        let started_at = needed("started_at", &names.started_at)?;
        let optional = names.optional().map(|name| (name, find(name)));
        let used = [call_sid, tenant, started_at].into_iter().chain(optional.iter().filter_map(|(_, found)| *found));
        let forbidden: Vec<String> = used.filter(|column| !column.readable).map(|column| column.name.clone()).collect();
        if !forbidden.is_empty() {
            return Err(TableError::Forbidden(forbidden));
        }
        if !["text", "character varying", "character"].contains(&call_sid.kind.as_str()) {
            return Err(TableError::BadType("call_sid", call_sid.name.clone(), call_sid.kind.clone()));
        }
        let moment = match started_at.kind.as_str() {
            "timestamp with time zone" => "timestamptz",
            "timestamp without time zone" => "timestamp",
            _ => return Err(TableError::BadType("started_at", started_at.name.clone(), started_at.kind.clone())),
        };
        let text = |column: Option<&Column>| match column {
            Some(column) => format!("left({}::text, {MOST_TEXT})", quoted(&column.name)),
            None => "NULL::text".to_owned(),
        };
        let at = quoted(&started_at.name);
        let [first, end] = TIMES;
        let micros =
            format!("CASE WHEN {at} >= {first} AND {at} < {end} THEN (extract(epoch FROM {at}) * 1000000)::bigint END");
        let mut cells = vec![text(Some(call_sid)), text(Some(tenant)), micros];
        cells.extend(optional.iter().map(|(_, column)| text(*column)));
        let missing = optional.iter().filter(|(_, column)| column.is_none()).map(|(name, _)| (*name).to_owned());
        Ok(Self {
            select: format!("SELECT {} FROM {}", cells.join(", "), options.table.quoted()),
            call_sid: quoted(&call_sid.name),
            started_at: at,
            moment,
            missing: missing.collect(),
            is_zoned: moment == "timestamptz",
        })
    }

    /// The calls of these SIDs ($1).
    pub(super) fn by_sids(&self) -> String {
        format!("{} WHERE {} = ANY($1)", self.select, self.call_sid)
    }

    /// At most $3 rows after the place ($1, $2), in their order.
    pub(super) fn after(&self) -> String {
        self.page(">", "ASC")
    }

    /// At most $3 rows before that place, the newest first.
    pub(super) fn before(&self) -> String {
        self.page("<", "DESC")
    }

    fn page(&self, side: &str, order: &str) -> String {
        let Self { select, call_sid, started_at: at, moment, .. } = self;
        let [first, end] = TIMES;
        // A SID that is none must not end the order.
        let sid = format!("coalesce({call_sid}::text, '')");
        format!(
            "{select} WHERE ({at}, {sid}) {side} ({moment} 'epoch' + $1::float8 * interval '1 microsecond', $2)
             AND {at} >= {first} AND {at} < {end} ORDER BY {at} {order}, {sid} {order} LIMIT $3"
        )
    }
}
