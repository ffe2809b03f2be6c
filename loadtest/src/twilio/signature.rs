//! `X-Twilio-Signature`, as Twilio computes it; knows no HTTP. Public so that tests can forge valid and invalid ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use aws_lc_rs::{digest, hmac};
use base64::prelude::{BASE64_STANDARD, Engine};

/// The signature of a form: base64 of HMAC-SHA1 over the URL, followed by names and values sorted by name.
///
/// `url` is signed as it stands, query included. Values that come twice under one name count once, sorted, as Twilio's own validators do.
pub fn sign_form<K: AsRef<str>, V: AsRef<str>>(auth_token: &str, url: &str, parameters: &[(K, V)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in parameters {
        sorted.entry(name.as_ref()).or_default().insert(value.as_ref());
    }
    let mut text = url.to_owned();
    for (name, values) in sorted {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    hmac_sha1(auth_token, &text)
}

/// The URL to call with a JSON body (`bodySHA256` appended to the query) and the signature, which covers that URL alone.
pub fn sign_json(auth_token: &str, url: &str, body: &[u8]) -> (String, String) {
    let mut hash = String::new();
    for byte in digest::digest(&digest::SHA256, body).as_ref() {
        write!(hash, "{byte:02x}").expect("writing to a string cannot fail");
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joint}bodySHA256={hash}");
    let signature = hmac_sha1(auth_token, &url);
    (url, signature)
}

fn hmac_sha1(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: [(&str, &str); 5] = [
        ("Digits", "1234"),
        ("To", "+18005551212"),
        ("From", "+12349013030"),
        ("Caller", "+12349013030"),
        ("CallSid", "CA1234567890ABCDE"),
    ];

    #[test]
    fn the_example_of_the_documentation_holds() {
        let signature = sign_form("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &PARAMETERS);
        assert_eq!(signature, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
    }

    #[test]
    fn repeated_values_count_once() {
        let mut repeated = PARAMETERS.to_vec();
        repeated.push(PARAMETERS[0]);
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(sign_form("12345", url, &repeated), sign_form("12345", url, &PARAMETERS));
    }

    #[test]
    fn a_json_body_is_covered_through_the_query() {
        let (url, signature) = sign_json("12345", "https://example.test/hook", b"{}");
        assert_eq!(
            url,
            "https://example.test/hook?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        assert_eq!(signature, sign_form::<&str, &str>("12345", &url, &[]));
    }
}
