//! `call_log.*`: the table of another system. It is read where the section is written.

use toml::Value;

use super::accounts::{TwilioAccount, account_sid};
use super::fault::{Parsed, Wrong, wrong};
use super::reader::Reader;
use super::values::text;
use crate::catalog::{CallLogOptions, Columns, Database, PostgresOptions, TableName, is_identifier};

pub(super) fn read(from: &mut Reader, catalog: &Database, accounts: &[TwilioAccount]) -> Option<CallLogOptions> {
    let is_wanted = from.has_section("call_log");
    // Asked for in any case, so that the keys are known.
    let database = from.secret("call_log.database_url", database);
    let table = from.optional("call_log.table", table).or_else(|| TableName::parse("call_log"));
    let default_account = from.optional("call_log.default_account", account_sid);
    let columns = columns(from);
    if !is_wanted {
        return None;
    }
    let database = match (database, catalog) {
        (Some(database), _) => Some(database),
        (None, Database::Postgres(options)) => Some((**options).clone()),
        (None, Database::Sqlite(_)) => {
            let mend = "Set it to the database where the table is: postgres://reader:password@db.example/app";
            missing(from, "call_log.database_url", "is not set, and the catalog is not in PostgreSQL", mend);
            None
        }
    };
    let default_account = match (default_account, accounts) {
        (Some(account), _) => Some(account),
        (None, [only]) => Some(only.account_sid.clone()),
        (None, _) => {
            let mend = "Set it to the account of calls whose row does not name one: AC and 32 hexadecimal digits";
            missing(from, "call_log.default_account", "is not set, and twilio.accounts has not exactly one", mend);
            None
        }
    };
    Some(CallLogOptions { database: database?, table: table?, columns, default_account })
}

fn columns(from: &mut Reader) -> Columns {
    let Columns {
        call_sid,
        tenant,
        started_at,
        parent_call_sid,
        account_sid,
        recording_sid,
        recording_url,
        duration_s,
        from: caller,
        to,
        direction,
        title,
    } = Columns::default();
    let mut name = |key: &str, default| from.read(&format!("call_log.{key}"), default, column);
    Columns {
        call_sid: name("call_sid", call_sid),
        tenant: name("tenant", tenant),
        started_at: name("started_at", started_at),
        parent_call_sid: name("parent_call_sid", parent_call_sid),
        account_sid: name("account_sid", account_sid),
        recording_sid: name("recording_sid", recording_sid),
        recording_url: name("recording_url", recording_url),
        duration_s: name("duration_s", duration_s),
        from: name("from", caller),
        to: name("to", to),
        direction: name("direction", direction),
        title: name("title", title),
    }
}

fn missing(from: &mut Reader, key: &str, what: &str, mend: &str) {
    if !from.is_faulty(key) {
        from.fault(key, None, Wrong { what: what.into(), mend: mend.into() });
    }
}

/// Never shown in a fault: it may hold a password.
fn database(value: &Value) -> Parsed<PostgresOptions> {
    match PostgresOptions::parse(&text(value)?) {
        Ok(options) => Ok(options),
        Err(why) => wrong(why.to_string(), "Write one like postgres://reader:password@db.example/app"),
    }
}

fn table(value: &Value) -> Parsed<TableName> {
    match TableName::parse(&text(value)?) {
        Some(name) => Ok(name),
        None => wrong("is no name of a table", "Write one like call_log or public.call_log"),
    }
}

fn column(value: &Value) -> Parsed<String> {
    let name = text(value)?;
    if is_identifier(&name) {
        Ok(name)
    } else {
        wrong("is no name of a column", "Write the column's name, at most 63 bytes")
    }
}
