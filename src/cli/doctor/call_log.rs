//! The table of another system that calls are taken over from: that it can be read, and that its rows are calls.

use super::check::Check;
use crate::catalog::{CallLog, CallLogOptions, LogFindings, TableError};
use crate::config::Config;
use crate::recording::Timestamp;

const NAME: &str = "call_log";
/// A row that begins later than this from now was not written in UTC.
const AHEAD_MS: i64 = 10 * 60_000;

/// The table as it is now.
pub(super) async fn call_log(config: &Config) -> Check {
    let Some(options) = &config.call_log else {
        return Check::skip(NAME, "not configured: calls are registered by PUT /api/calls or `landfall import`");
    };
    match CallLog::inspect(options).await {
        Ok(findings) => judge(options, &findings, Timestamp::now()),
        Err(error) => broken(options, &error),
    }
}

fn broken(options: &CallLogOptions, error: &TableError) -> Check {
    let table = &options.table;
    let mend = match error {
        TableError::Database(error) if error.0.contains("permission denied") => grant(options),
        TableError::Database(_) => {
            "check that it runs, and host, user, password and sslmode of call_log.database_url (else of database_url): \
             psql \"$LANDFALL_CALL_LOG__DATABASE_URL\" -c 'SELECT 1'"
                .to_owned()
        }
        TableError::NoTable(_) => {
            format!("set call_log.table to schema.table (it is {table}); psql -c '\\dt *.*' lists them")
        }
        TableError::NoColumn(key, _) => {
            format!("set call_log.{key} to the name that the column has; psql -c '\\d {table}' lists them")
        }
        TableError::Forbidden(_) => grant(options),
        TableError::BadType(key, name, _) => {
            let kind = if *key == "call_sid" { "text" } else { "timestamptz" };
            format!("make a view that casts it ({name}::{kind}), and set call_log.table to the view")
        }
    };
    Check::fail(NAME, format!("{table}: {error}"), mend)
}

fn grant(options: &CallLogOptions) -> String {
    format!("as the owner of the table: GRANT SELECT ON {} TO …; (and GRANT USAGE ON SCHEMA … TO …)", options.table)
}

fn judge(options: &CallLogOptions, found: &LogFindings, now: Timestamp) -> Check {
    let table = &options.table;
    let more = if found.is_more { "more than " } else { "" };
    let bad: usize = found.bad.iter().map(|(_, rows)| rows).sum();
    let mut detail = format!("{table} can be read, and has {more}{} rows", found.rows);
    if let Some(newest) = found.newest {
        detail += &format!("; of the newest {}, {} are calls, the last of {newest}", found.good + bad, found.good);
    }
    for (why, rows) in &found.bad {
        detail += &format!("; {rows} have {}", why.why());
    }
    if !found.missing.is_empty() {
        detail += &format!("; it has no {}, which may be", found.missing.join(", "));
    }
    if bad > 0 && found.good == 0 {
        let mend = "check call_log.call_sid, call_log.tenant and call_log.default_account against a row of the table";
        return Check::fail(NAME, detail, mend);
    }
    if found.newest.is_some_and(|newest| newest.0 > now.0 + AHEAD_MS) {
        let mend = if found.is_zoned {
            "look at the clock of the machine that writes the table"
        } else {
            "times without a zone are read as UTC: make a view with (created_at AT TIME ZONE 'Asia/Jerusalem') or \
             whatever it is written in, and set call_log.table to the view"
        };
        return Check::warn(NAME, format!("{detail}; that is in the future"), mend);
    }
    if !found.unindexed.is_empty() {
        let lines: Vec<String> =
            found.unindexed.iter().map(|column| format!("CREATE INDEX CONCURRENTLY ON {table} ({column});")).collect();
        let detail = format!("{detail}; without an index on {}, each look reads all of it", found.unindexed.join(", "));
        return Check::warn(NAME, detail, lines.join("\n"));
    }
    Check::ok(NAME, detail)
}
