//! How single values are written: durations, sizes, addresses, URLs. Knows no keys.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;
use url::Url;

use super::fault::{Parsed, wrong};
use crate::secret::Secret;

/// Text that is not empty.
pub(super) fn text(value: &Value) -> Parsed<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
        Value::String(_) => wrong("is empty", "Give it a value or leave it out"),
        _ => wrong("is no text", "Put it in quotes"),
    }
}

/// A name that back ends also write as a number.
pub(super) fn name(value: &Value) -> Parsed<String> {
    match value {
        Value::Integer(number) => Ok(number.to_string()),
        other => text(other),
    }
}

pub(super) fn secret(value: &Value) -> Parsed<Secret> {
    text(value).map(|text| Secret::new(&text))
}

/// The key of an HMAC: shorter than its hash, it can be guessed (RFC 7518 §3.2).
pub(super) fn hmac_secret(value: &Value) -> Parsed<Secret> {
    let secret = secret(value)?;
    match secret.reveal().len() {
        32.. => Ok(secret),
        bytes => wrong(format!("has {bytes} bytes"), "Use at least 32: `openssl rand -hex 32` makes a good one"),
    }
}

pub(super) fn path(value: &Value) -> Parsed<PathBuf> {
    text(value).map(PathBuf::from)
}

pub(super) fn boolean(value: &Value) -> Parsed<bool> {
    match value {
        Value::Boolean(value) => Ok(*value),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => wrong("is neither true nor false", "Write true or false"),
    }
}

/// A whole number between both, inclusive.
pub(super) fn number(least: u32, most: u32) -> impl Fn(&Value) -> Parsed<u32> {
    move |value| {
        let number = match value {
            Value::Integer(number) => Some(*number),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number.and_then(|number| u32::try_from(number).ok()).filter(|n| (least..=most).contains(n)) {
            Some(number) => Ok(number),
            None => wrong("is out of bounds or no whole number", format!("Use one from {least} to {most}")),
        }
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy, const N: usize>(words: [(&'static str, T); N]) -> impl Fn(&Value) -> Parsed<T> {
    move |value| {
        let word = name(value)?;
        match words.iter().find(|(known, _)| *known == word) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
                wrong(format!("is {word:?}"), format!("Use one of: {}", known.join(", ")))
            }
        }
    }
}

/// `10m`, `25s`, `1h30m`, between both, inclusive.
pub(super) fn duration(least: Duration, most: Duration) -> impl Fn(&Value) -> Parsed<Duration> {
    move |value| {
        let Some(text) = value.as_str() else {
            return wrong("is no duration", "Put a number and a unit in quotes, like \"25s\" or \"10m\"");
        };
        match parse_duration(text) {
            Some(duration) if (least..=most).contains(&duration) => Ok(duration),
            Some(_) => wrong(format!("is {text}"), format!("Use something from {least:?} to {}s", most.as_secs())),
            None => wrong(format!("is {text:?}, which is no duration"), "Use ms, s, m, h or d, like 25s or 10m"),
        }
    }
}

/// Numbers with the units `ms`, `s`, `m`, `h`, `d`, one after another.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = (!rest.is_empty()).then_some(Duration::ZERO);
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let unit = &after[..after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len())];
        let ms: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total?.checked_add(Duration::from_millis(number.checked_mul(ms)?));
        rest = &after[unit.len()..];
    }
    total
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// A number of bytes, or a number and a unit: `10GiB`.
pub(super) fn bytes(value: &Value) -> Parsed<u64> {
    let size = match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::String(text) => parse_bytes(text),
        _ => None,
    };
    match size.filter(|size| *size > 0) {
        Some(size) => Ok(size),
        None => wrong("is no size", "Use a number of bytes, or a number with KiB, MiB, GiB or TiB, like \"10GiB\""),
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text.trim())?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// An address and a port to listen at.
pub(super) fn address(value: &Value) -> Parsed<SocketAddr> {
    let text = text(value)?;
    match text.replacen("localhost:", "127.0.0.1:", 1).parse() {
        Ok(address) => Ok(address),
        Err(_) => wrong(
            format!("is {text:?}, which is no IP address with a port"),
            "Write one like 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080",
        ),
    }
}

/// An absolute URL of HTTP, as it is written: nothing hidden in its path, and no credentials.
pub(super) fn url(value: &Value) -> Parsed<Url> {
    let text = text(value)?;
    let mend = "Write an absolute URL like https://calls.example.com";
    // A quote in a host is let through by the standard, but not by JSON; elsewhere it is written as %22.
    let is_meant =
        |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host() && !url.as_str().contains('"');
    let url = match Url::parse(&text) {
        Ok(url) if is_meant(&url) => url,
        _ => return wrong("is no http or https URL", mend),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("holds a user name or a password", "Leave them out");
    }
    if url.fragment().is_some() {
        return wrong("has a fragment (#…)", "Leave it out");
    }
    let lower = text.to_ascii_lowercase();
    let dots = lower.split(['/', '?']).any(|segment| matches!(segment, "." | ".."));
    if dots || lower.contains('\\') || ["%2e", "%2f", "%5c"].iter().any(|hidden| lower.contains(hidden)) {
        return wrong("has a path with dot segments or hidden separators", "Write the path that is meant");
    }
    Ok(url)
}

/// A URL that is scheme, host and port only.
pub(super) fn base_url(value: &Value) -> Parsed<Url> {
    let url = url(value)?;
    match (url.path(), url.query()) {
        ("/", None) => Ok(url),
        _ => wrong("has a path or a query", "Write scheme, host and port only, like https://calls.example.com"),
    }
}

/// A list of what `item` reads; in a variable, as JSON.
pub(super) fn list<T>(item: impl Fn(&Value) -> Parsed<T>) -> impl Fn(&Value) -> Parsed<Vec<T>> {
    move |value| match structured(value)? {
        Value::Array(items) => items.iter().map(&item).collect(),
        _ => wrong("is no list", "Write a list like [\"a\", \"b\"]; in a variable, as JSON"),
    }
}

/// A list or a table: variables and files hold them as JSON.
pub(super) fn structured(value: &Value) -> Parsed<Value> {
    let Value::String(text) = value else { return Ok(value.clone()) };
    // Only where it breaks: what stands there may be a secret.
    serde_json::from_str(text).or_else(|error| {
        wrong(format!("is no JSON (column {})", error.column()), "Write lists and tables in variables as JSON")
    })
}

/// An origin as browsers send it (RFC 6454 §6.2).
pub(super) fn origin(value: &Value) -> Parsed<String> {
    base_url(value).map(|url| url.origin().ascii_serialization())
}

/// A token of HTTP (RFC 9110 §5.6.2), which is also what a cookie may be called.
pub(super) fn token(value: &Value) -> Parsed<String> {
    let text = text(value)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.chars().all(fits) {
        Ok(text)
    } else {
        wrong("has characters that no name may have", "Use letters, digits, - and _")
    }
}

/// What may stand in a header.
pub(super) fn header(value: &Value) -> Parsed<String> {
    let text = text(value)?;
    let fits = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if fits { Ok(text) } else { wrong("cannot stand in a header", "Use printable ASCII") }
}

/// A JSON pointer (RFC 6901) to something inside a document.
pub(super) fn pointer(value: &Value) -> Parsed<String> {
    let text = text(value)?;
    if text.starts_with('/') { Ok(text) } else { wrong("is no JSON pointer", "Begin it with a slash, like /tenant/id") }
}
