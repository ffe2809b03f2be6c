//! `twilio.accounts`: a list of tables, some of whose members are secrets.

use toml::Value;

use super::fault::{Parsed, wrong};
use super::members::{Members, tables};
use super::reader::Reader;
use super::values::{name, secret, text};
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
    let mut accounts: Vec<TwilioAccount> = Vec::new();
    for (n, item) in tables(reader, KEY).into_iter().enumerate() {
        let mut members = Members::new(reader, format!("{KEY}[{n}]"), item, &MEMBERS);
        let account = account(&mut members);
        if let Some(account) = account {
            if accounts.iter().any(|other| other.account_sid == account.account_sid) {
                members.fault("account_sid", wrong("is listed twice", "Keep one of the two"));
            }
            accounts.push(account);
        }
    }
    accounts
}

fn account(members: &mut Members<'_>) -> Option<TwilioAccount> {
    let account_sid = members.required("account_sid", account_sid);
    let tenant = members.optional("tenant", tenant);
    let mend = "Copy it from Twilio's console: it checks callbacks";
    let auth_token = members.required_secret("auth_token", secret, mend);
    let api_key = match (members.optional("api_key", text), members.secret("api_secret", secret)) {
        (Some(key), Some(secret)) => Some((key, secret)),
        (None, None) => None,
        _ => {
            members.fault("api_key", wrong("and api_secret are a pair, and one is missing", "Set both or neither"));
            None
        }
    };
    Some(TwilioAccount { account_sid: account_sid?, tenant, auth_token: auth_token?, api_key })
}

pub(super) fn account_sid(value: &Value) -> Parsed<String> {
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
