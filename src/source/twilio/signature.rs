//! `X-Twilio-Signature`: which callbacks come from the provider. Accepts what both official SDKs accept.

use std::collections::BTreeSet;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

/// What was signed besides the URL.
pub enum Signed<'a> {
    /// A form: its fields, decoded, in any order.
    Form(&'a [(String, String)]),
    /// Any other body, whose SHA-256 the URL names as `bodySHA256`.
    Body(&'a [u8]),
}

/// Whether `signature` is the account's, for a callback sent to `url`.
pub fn is_valid(auth_token: &str, url: &Url, signed: &Signed<'_>, signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let mut tail = String::new();
    match signed {
        Signed::Form(fields) => {
            // Sorted by name; the values of one name are deduplicated and sorted.
            for (name, value) in fields.iter().collect::<BTreeSet<_>>() {
                tail.push_str(name);
                tail.push_str(value);
            }
        }
        Signed::Body(body) => {
            let Some((_, announced)) = url.query_pairs().find(|(name, _)| name == "bodySHA256") else { return false };
            let found: String =
                digest::digest(&digest::SHA256, body).as_ref().iter().map(|b| format!("{b:02x}")).collect();
            if !announced.eq_ignore_ascii_case(&found) {
                return false;
            }
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    // The provider signs with the port or without it, depending on scheme and product.
    spellings(url).iter().any(|url| hmac::verify(&key, format!("{url}{tail}").as_bytes(), &signature).is_ok())
}

/// The URL without and with its port. Fragments are never signed.
fn spellings(url: &Url) -> [String; 2] {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let rest = format!("{}{query}", url.path());
    [format!("{}://{host}{rest}", url.scheme()), format!("{}://{host}:{port}{rest}", url.scheme())]
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
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2".parse().unwrap();
        let form = fields(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ]);
        assert!(is_valid("12345", &url, &Signed::Form(&form), "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!is_valid("12346", &url, &Signed::Form(&form), "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    }

    #[test]
    fn the_port_may_be_signed_or_not_and_repeated_values_count_once() {
        let url: Url = "https://example.com:8443/hook".parse().unwrap();
        let form = fields(&[("B", "2"), ("A", "1"), ("B", "1"), ("B", "2")]);
        for spelled in ["https://example.com/hook", "https://example.com:8443/hook"] {
            assert!(is_valid("t", &url, &Signed::Form(&form), &sign("t", &format!("{spelled}A1B1B2"))), "{spelled}");
        }
        let plain: Url = "https://example.com/hook".parse().unwrap();
        assert!(is_valid("t", &plain, &Signed::Form(&[]), &sign("t", "https://example.com:443/hook")));
    }

    #[test]
    fn a_body_must_have_the_hash_that_the_url_names() {
        let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let url: Url = format!("https://example.com/hook?bodySHA256={hash}").parse().unwrap();
        let signature = sign("t", url.as_str());
        assert!(is_valid("t", &url, &Signed::Body(b"{}"), &signature));
        assert!(!is_valid("t", &url, &Signed::Body(b"{ }"), &signature));
        assert!(!is_valid("t", &"https://example.com/hook".parse().unwrap(), &Signed::Body(b"{}"), &signature));
    }
}
