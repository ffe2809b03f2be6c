//! `twilio.accounts`: a list of tables, some of whose members are secrets.

use toml::{Table, Value};

use super::fault::{Parsed, wrong};
use super::reader::{Reader, content};
use super::values::{name, secret, structured, text};
use crate::recording::Tenant;
use crate::secret::Secret;

const KEY: &str = "twilio.accounts";
const MEMBERS: [&str; 7] =
    ["account_sid", "tenant", "auth_token", "auth_token_file", "api_key", "api_secret", "api_secret_file"];

/// An account whose recordings we may read.
#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// `AC` and 32 hex digits.
    pub account_sid: String,
    /// Whose its unknown calls are; nobody's until registered, when there is none.
    pub tenant: Option<Tenant>,
    /// Signs its callbacks, and opens its recordings where there is no API key.
    pub auth_token: Secret,
    /// An API key and its secret, which open its recordings.
    pub api_key: Option<(String, Secret)>,
}

/// The accounts, each fault under the key of its account and member.
pub(super) fn read(reader: &mut Reader) -> Vec<TwilioAccount> {
    let tables = |value: &Value| match structured(value)? {
        Value::Array(items) => Ok(items),
        _ => wrong("is no list", "Write [[twilio.accounts]] tables; in a variable, a JSON list of objects"),
    };
    let items = reader.secret(KEY, tables).unwrap_or_default();
    let mut accounts: Vec<TwilioAccount> = Vec::new();
    for (n, item) in items.into_iter().enumerate() {
        let mut members = Members { reader, at: format!("{KEY}[{n}]"), table: Table::new() };
        match item {
            Value::Table(table) => members.table = table,
            _ => members.fault("", wrong("is no table", "Write account_sid and auth_token, at least")),
        }
        let account = members.account();
        if let Some(account) = account {
            if accounts.iter().any(|other| other.account_sid == account.account_sid) {
                members.fault("account_sid", wrong("is listed twice", "Keep one of the two"));
            }
            accounts.push(account);
        }
    }
    accounts
}

struct Members<'a> {
    reader: &'a mut Reader,
    at: String,
    table: Table,
}

impl Members<'_> {
    fn account(&mut self) -> Option<TwilioAccount> {
        let unknown: Vec<String> = self.table.keys().filter(|key| !MEMBERS.contains(&key.as_str())).cloned().collect();
        for member in unknown {
            self.fault(&member, wrong("is no known key", format!("Use only {}", MEMBERS.join(", "))));
        }
        let account_sid = self.required("account_sid", account_sid);
        let tenant = self.optional("tenant", tenant);
        let auth_token = self.secret("auth_token");
        if auth_token.is_none() && !self.reader.is_faulty(&format!("{}.auth_token", self.at)) {
            self.fault("auth_token", wrong("is missing", "Copy it from Twilio's console: it checks callbacks"));
        }
        let api_key = match (self.optional("api_key", text), self.secret("api_secret")) {
            (Some(key), Some(secret)) => Some((key, secret)),
            (None, None) => None,
            _ => {
                self.fault("api_key", wrong("and api_secret are a pair, and one is missing", "Set both or neither"));
                None
            }
        };
        Some(TwilioAccount { account_sid: account_sid?, tenant, auth_token: auth_token?, api_key })
    }

    fn optional<T>(&mut self, member: &str, parse: impl Fn(&Value) -> Parsed<T>) -> Option<T> {
        let parsed = parse(&self.table.remove(member)?);
        self.noted(member, parsed)
    }

    fn required<T>(&mut self, member: &str, parse: impl Fn(&Value) -> Parsed<T>) -> Option<T> {
        let parsed = match self.table.remove(member) {
            Some(value) => parse(&value),
            None => wrong("is missing", "Each account needs it"),
        };
        self.noted(member, parsed)
    }

    fn secret(&mut self, member: &str) -> Option<Secret> {
        let parsed = match (self.table.remove(member), self.table.remove(&format!("{member}_file"))) {
            (None, None) => return None,
            (Some(value), None) => secret(&value),
            (None, Some(file)) => text(&file).and_then(|path| content(path.as_ref())).and_then(|value| secret(&value)),
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

    fn fault(&mut self, member: &str, parsed: Parsed<()>) {
        if let Err(wrong) = parsed {
            let key = if member.is_empty() { self.at.clone() } else { format!("{}.{member}", self.at) };
            self.reader.fault(&key, None, wrong);
        }
    }
}

fn account_sid(value: &Value) -> Parsed<String> {
    let sid = text(value)?;
    let hex =
        sid.strip_prefix("AC").is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
    if hex { Ok(sid) } else { wrong("is no account's SID", "Write AC and 32 hexadecimal digits") }
}

fn tenant(value: &Value) -> Parsed<Tenant> {
    match Tenant::new(&name(value)?) {
        Some(tenant) => Ok(tenant),
        None => wrong("is too long", "Use at most 128 bytes"),
    }
}
