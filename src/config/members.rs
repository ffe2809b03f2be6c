//! The members of one table in a list, some of which are secrets: each fault under the key of its table and member.
//! Knows no key by name.

use toml::{Table, Value};

use super::fault::{Parsed, wrong};
use super::reader::{Reader, content};
use super::values::{structured, text};
use crate::secret::Secret;

/// The tables of a list, which may stand in a file of its own; in a variable, as JSON.
pub(super) fn tables(reader: &mut Reader, key: &str) -> Vec<Value> {
    let items = |value: &Value| match structured(value)? {
        Value::Array(items) => Ok(items),
        _ => wrong("is no list", format!("Write [[{key}]] tables; in a variable, a JSON list of objects")),
    };
    reader.secret(key, items).unwrap_or_default()
}

/// How a secret is read.
type SecretParser = fn(&Value) -> Parsed<Secret>;

/// One table that is being read.
pub(super) struct Members<'a> {
    reader: &'a mut Reader,
    at: String,
    table: Table,
}

impl<'a> Members<'a> {
    /// The table at that place, which has no other members than `known`.
    pub(super) fn new(reader: &'a mut Reader, at: String, item: Value, known: &[&str]) -> Self {
        let mut members = Self { reader, at, table: Table::new() };
        match item {
            Value::Table(table) => members.table = table,
            _ => members.fault("", wrong("is no table", format!("Write {}, at least", known[0]))),
        }
        let unknown: Vec<String> = members.table.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        for member in unknown {
            members.fault(&member, wrong("is no known key", format!("Use only {}", known.join(", "))));
        }
        members
    }

    pub(super) fn optional<T>(&mut self, member: &str, parse: impl Fn(&Value) -> Parsed<T>) -> Option<T> {
        let parsed = parse(&self.table.remove(member)?);
        self.noted(member, parsed)
    }

    pub(super) fn required<T>(&mut self, member: &str, parse: impl Fn(&Value) -> Parsed<T>) -> Option<T> {
        let parsed = match self.table.remove(member) {
            Some(value) => parse(&value),
            None => wrong("is missing", "Each account needs it"),
        };
        self.noted(member, parsed)
    }

    /// A secret by value or by file, which must be there; `mend` says where to get it.
    pub(super) fn required_secret(&mut self, member: &str, parse: SecretParser, mend: &str) -> Option<Secret> {
        let secret = self.secret(member, parse);
        if secret.is_none() && !self.reader.is_faulty(&format!("{}.{member}", self.at)) {
            self.fault(member, wrong("is missing", mend));
        }
        secret
    }

    /// A secret by value or by file.
    pub(super) fn secret(&mut self, member: &str, parse: SecretParser) -> Option<Secret> {
        let parsed = match (self.table.remove(member), self.table.remove(&format!("{member}_file"))) {
            (None, None) => return None,
            (Some(value), None) => parse(&value),
            (None, Some(file)) => text(&file).and_then(|path| content(path.as_ref())).and_then(|value| parse(&value)),
            (Some(_), Some(_)) => wrong("is set twice, by value and by file", "Keep one of the two"),
        };
        self.noted(member, parsed)
    }

    fn noted<T>(&mut self, member: &str, parsed: Parsed<T>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.fault(member, Err::<(), _>(wrong));
                None
            }
        }
    }

    /// Notes that a member is wrong, or the table itself where `member` is empty.
    pub(super) fn fault(&mut self, member: &str, parsed: Parsed<()>) {
        if let Err(wrong) = parsed {
            let key = if member.is_empty() { self.at.clone() } else { format!("{}.{member}", self.at) };
            self.reader.fault(&key, None, wrong);
        }
    }
}
