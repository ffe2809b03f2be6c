//! Which table, and what its columns are called. Asks no database.

use std::fmt;

use crate::catalog::PostgresOptions;

/// PostgreSQL cuts longer names off without a word.
const MOST_BYTES: usize = 63;

/// Where another system keeps its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLogOptions {
    /// Its database.
    pub database: PostgresOptions,
    /// The table, or a view.
    pub table: TableName,
    /// What its columns are called.
    pub columns: Columns,
    /// The provider's account of calls that do not say theirs.
    pub default_account: Option<String>,
}

/// The name of a table, with its schema or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    schema: Option<String>,
    name: String,
}

impl TableName {
    /// Reads `name` or `schema.name`; `None` where that is no name of a table.
    pub fn parse(text: &str) -> Option<Self> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        let fits = |name: &str| is_identifier(name) && !name.contains('.');
        let fit = fits(name) && schema.is_none_or(fits);
        fit.then(|| Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }

    /// As SQL names it.
    pub(super) fn quoted(&self) -> String {
        let name = quoted(&self.name);
        self.schema.as_ref().map_or_else(|| name.clone(), |schema| format!("{}.{name}", quoted(schema)))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The columns, by what they mean; the first three must be there, the others may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The call: `CA…`
    pub call_sid: String,
    /// Whose it is.
    pub tenant: String,
    /// When it began, or was written down; the table is read in this order.
    pub started_at: String,
    /// The call that this one is a leg of.
    pub parent_call_sid: String,
    /// The provider's account: `AC…`
    pub account_sid: String,
    /// Its recording: `RE…`
    pub recording_sid: String,
    /// The recording's resource at the provider. Only the SIDs in it are read; it is never asked.
    pub recording_url: String,
    /// Its length in seconds.
    pub duration_s: String,
    /// The caller.
    pub from: String,
    /// The called party.
    pub to: String,
    /// `inbound`, `outbound` or whatever the table calls it.
    pub direction: String,
    /// A title for lists and file names.
    pub title: String,
}

impl Default for Columns {
    fn default() -> Self {
        let name = str::to_owned;
        Self {
            call_sid: name("call_sid"),
            tenant: name("business_id"),
            started_at: name("created_at"),
            parent_call_sid: name("parent_call_sid"),
            account_sid: name("account_sid"),
            recording_sid: name("recording_sid"),
            recording_url: name("recording_url"),
            duration_s: name("duration"),
            from: name("from_number"),
            to: name("to_number"),
            direction: name("direction"),
            title: name("title"),
        }
    }
}

impl Columns {
    /// Those that may be missing, in the order in which they are read.
    pub(super) fn optional(&self) -> [&str; 9] {
        [
            &self.parent_call_sid,
            &self.account_sid,
            &self.recording_sid,
            &self.recording_url,
            &self.duration_s,
            &self.from,
            &self.to,
            &self.direction,
            &self.title,
        ]
    }
}

/// Whether PostgreSQL can call something by that name.
pub fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.len() <= MOST_BYTES && !name.chars().any(char::is_control)
}

/// An identifier as SQL takes it, whatever stands in it (SQL:2016 §5.2, delimited identifier).
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_stands_in_them() {
        assert_eq!(TableName::parse("call_log").unwrap().quoted(), "\"call_log\"");
        assert_eq!(TableName::parse("app.Call Log").unwrap().quoted(), "\"app\".\"Call Log\"");
        assert_eq!(TableName::parse("x\"; DROP TABLE y; --").unwrap().quoted(), "\"x\"\"; DROP TABLE y; --\"");
        for bad in ["", ".", "a.", ".b", "a.b.c", "a\0b", &"x".repeat(64)] {
            assert_eq!(TableName::parse(bad), None, "{bad:?}");
        }
    }
}
