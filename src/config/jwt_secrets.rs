//! `auth.jwt_secrets`: secrets by name, for rotation. Knows nothing of tokens.

use toml::Value;

use super::fault::{Parsed, wrong};
use super::members::{Members, tables};
use super::reader::Reader;
use super::values::{hmac_secret, name};
use crate::auth::NamedSecret;

const KEY: &str = "auth.jwt_secrets";
const MEMBERS: [&str; 3] = ["kid", "secret", "secret_file"];
/// A rotation has two, and nobody needs many.
const MOST: usize = 16;
/// Longer names are no names.
const MOST_KID: usize = 128;

/// The secrets, in their order.
pub(super) fn read(reader: &mut Reader) -> Vec<NamedSecret> {
    let mut secrets: Vec<NamedSecret> = Vec::new();
    for (n, item) in tables(reader, KEY).into_iter().enumerate() {
        let mut members = Members::new(reader, format!("{KEY}[{n}]"), item, &MEMBERS);
        let kid = members.required("kid", kid);
        let mend = "`openssl rand -hex 32` makes a good one";
        let secret = members.required_secret("secret", hmac_secret, mend);
        if n >= MOST {
            members.fault("", wrong(format!("is one of more than {MOST}"), "Remove those whose tokens have expired"));
        }
        if kid.as_ref().is_some_and(|kid| secrets.iter().any(|other| other.kid == *kid)) {
            members.fault("kid", wrong("is listed twice", "Give each secret a name of its own"));
        }
        secrets.extend(kid.zip(secret).map(|(kid, secret)| NamedSecret { kid, secret }));
    }
    secrets
}

fn kid(value: &Value) -> Parsed<String> {
    match name(value)? {
        long if long.len() > MOST_KID => wrong("is too long", format!("Use at most {MOST_KID} bytes")),
        kid => Ok(kid),
    }
}
