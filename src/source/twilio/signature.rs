//! `X-Twilio-Signature`: which callbacks come from the provider. Accepts what either official SDK accepts; they are the
//! oracles of `tests/it/callbacks/oracles.rs`.

use std::cmp::Ordering;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Url, form_urlencoded};

/// What the encoder that some of the provider's signers use leaves as it is.
const LEGACY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What was signed besides the URL.
pub enum Signed<'a> {
    /// A form: its fields, decoded, in any order.
    Form(&'a [(String, String)]),
    /// Any other body, whose SHA-256 the URL names as `bodySHA256`.
    Body(&'a [u8]),
}

/// Whether `signature` is the account's, for a callback sent to `url`, spelled as it came, without fragment.
pub fn is_valid(auth_token: &str, url: &str, signed: &Signed<'_>, signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    let is_of = |text: String| hmac::verify(&key, text.as_bytes(), &signature).is_ok();
    let fits = |spellings: &[String], tail: &str| spellings.iter().any(|url| is_of(format!("{url}{tail}")));
    match signed {
        Signed::Form(fields) => {
            fits(&for_python(url), &tail(fields, str::cmp)) || fits(&for_node(url), &tail(fields, by_units))
        }
        Signed::Body(body) => {
            let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
            let mut announced = announced_hashes(url);
            let first = announced.first() == Some(&hash);
            // Python does not see members without a value.
            announced.retain(|hash| !hash.is_empty());
            (announced.first() == Some(&hash) && fits(&for_python(url), "")) || (first && fits(&for_node(url), ""))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn announced_hashes(url: &str) -> Vec<String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let members = form_urlencoded::parse(query.as_bytes());
    members.filter(|(name, _)| name == "bodySHA256").map(|(_, hash)| hash.into_owned()).collect()
}

/// Names and values, sorted by name; the values of one name are deduplicated and sorted. Python sorts by code points,
/// Node by UTF-16 units, which differs where a character lies beyond the first 65,536.
fn tail(fields: &[(String, String)], order: impl Fn(&str, &str) -> Ordering) -> String {
    let mut fields: Vec<&(String, String)> = fields.iter().collect();
    fields.sort_by(|a, b| order(&a.0, &b.0).then_with(|| order(&a.1, &b.1)));
    fields.dedup();
    fields.iter().flat_map(|(name, value)| [&**name, value]).collect()
}

fn by_units(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// As it came, but for the question mark of an empty query; without a port and with one.
fn for_python(url: &str) -> Vec<String> {
    with_and_without_port(url.strip_suffix('?').unwrap_or(url)).into()
}

/// As it came, as a browser writes it, and with a query that was taken apart and put together again; each without a port
/// and with one.
fn for_node(url: &str) -> Vec<String> {
    let mut spellings = with_and_without_port(url).to_vec();
    if let Ok(normal) = Url::parse(url).map(String::from) {
        spellings.extend(with_and_without_port(&normal));
        spellings.extend(with_and_without_port(&legacy(&normal)));
    }
    spellings.dedup();
    spellings
}

fn with_and_without_port(url: &str) -> [String; 2] {
    let Some((scheme, rest)) = url.split_once("://") else { return [url.to_owned(), url.to_owned()] };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A colon inside the brackets of an IPv6 address begins no port.
    let brackets = authority.rfind(']').unwrap_or(0);
    let (host, port) = match authority[brackets..].find(':') {
        Some(at) => authority.split_at(brackets + at),
        None => (authority, if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" }),
    };
    [format!("{scheme}://{host}{tail}"), format!("{scheme}://{host}{port}{tail}")]
}

/// The query as Node's `querystring` parses and writes it: values of one name side by side, and names that are whole
/// numbers first.
fn legacy(url: &str) -> String {
    let Some((before, query)) = url.split_once('?').filter(|(_, query)| !query.is_empty()) else {
        return url.to_owned();
    };
    let mut members: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value.into()),
            None => members.push((name.into(), vec![value.into()])),
        }
    }
    members.sort_by_key(|(name, _)| index(name).map_or(u64::MAX, u64::from));
    let encode = |text: &str| utf8_percent_encode(text, LEGACY).to_string();
    let pairs = members.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    format!("{before}?{}", pairs.join("&"))
}

/// A name that JavaScript takes for the index of an array.
fn index(name: &str) -> Option<u32> {
    name.parse().ok().filter(|index: &u32| *index < u32::MAX && index.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(token: &str, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
        STANDARD.encode(hmac::sign(&key, text.as_bytes()))
    }

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn the_example_of_the_documentation_is_accepted() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let form = fields(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ]);
        assert!(is_valid("12345", url, &Signed::Form(&form), "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!is_valid("12346", url, &Signed::Form(&form), "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    }

    #[test]
    fn the_port_may_be_signed_or_not_and_repeated_values_count_once() {
        let url = "https://example.com:8443/hook";
        let form = fields(&[("B", "2"), ("A", "1"), ("B", "1"), ("B", "2")]);
        for spelled in ["https://example.com/hook", "https://example.com:8443/hook"] {
            assert!(is_valid("t", url, &Signed::Form(&form), &sign("t", &format!("{spelled}A1B1B2"))), "{spelled}");
        }
        let plain = "https://example.com/hook";
        let six = "https://[2001:db8::7]:8443/hook";
        assert!(is_valid("t", six, &Signed::Form(&[]), &sign("t", "https://[2001:db8::7]/hook")));
        assert!(is_valid("t", plain, &Signed::Form(&[]), &sign("t", "https://example.com:443/hook")));
    }

    #[test]
    fn a_body_must_have_the_hash_that_the_url_names() {
        let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let url = format!("https://example.com/hook?bodySHA256={hash}");
        let signature = sign("t", &url);
        assert!(is_valid("t", &url, &Signed::Body(b"{}"), &signature));
        assert!(!is_valid("t", &url, &Signed::Body(b"{ }"), &signature));
        assert!(!is_valid(
            "t",
            "https://example.com/hook",
            &Signed::Body(b"{}"),
            &sign("t", "https://example.com/hook")
        ));
        let shouted = format!("https://example.com/hook?bodySHA256={}", hash.to_uppercase());
        assert!(!is_valid("t", &shouted, &Signed::Body(b"{}"), &sign("t", &shouted)));
    }
}
