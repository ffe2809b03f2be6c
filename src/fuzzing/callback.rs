//! Callbacks: nothing is kept that the provider did not sign, and what it did sign is read as a form or as JSON.

use aws_lc_rs::{digest, hmac};
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::bench::{AUTH_TOKEN, BASE, with_bench};
use super::{bounded, choice};

const PATH: &str = "/webhooks/twilio/recording-status";

/// By the first byte: a body with any signature, which stands in its first line; a form or JSON that is signed; the same,
/// changed behind a zero byte after it was signed.
pub fn callback(data: &[u8]) {
    let Some((how, data)) = bounded(data, 4096).and_then(choice) else { return };
    let is_form = how & 4 == 0;
    match how % 4 {
        0 => {
            let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
            let (signature, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
            let (status, _) = send(is_form, PATH, signature, body);
            assert!(matches!(status, 400 | 403), "kept without a signature: {status}");
        }
        1 => {
            let path = path(is_form, data);
            let (status, code) = send(is_form, &path, sign(is_form, &path, data).as_bytes(), data);
            let is_refused = status == 400 || status == 403 && code == "unknown_account";
            assert!(status == 204 || is_refused, "a good signature is refused: {status} {code}");
        }
        _ => {
            let Some(at) = data.iter().position(|byte| *byte == 0) else { return };
            let (signed, sent) = (&data[..at], &data[at + 1..]);
            let path = path(is_form, signed);
            let signature = sign(is_form, &path, signed);
            let (status, code) = send(is_form, &path, signature.as_bytes(), sent);
            let is_same =
                if is_form { tails(signed).iter().any(|tail| tails(sent).contains(tail)) } else { signed == sent };
            assert!(status != 204 || is_same, "a changed body is kept");
            assert!(code != "bad_signature" || !is_same || !is_form, "the same fields are refused");
        }
    }
}

/// The status, and the problem's code.
fn send(is_form: bool, path: &str, signature: &[u8], body: &[u8]) -> (u16, String) {
    let kind = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
    let request = Request::post(path).header("content-type", kind).header("x-twilio-signature", signature);
    // What is no field value never comes so far.
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return (403, String::new()) };
    with_bench(|bench| {
        bench.run(async {
            let answer = bench.answer(request).await;
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), 64 * 1024).await.unwrap();
            assert!(status < 500, "{}", String::from_utf8_lossy(&body));
            let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
            (status, problem["code"].as_str().unwrap_or_default().to_owned())
        })
    })
}

/// A body that is no form is named in the URL by its hash.
fn path(is_form: bool, body: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, body);
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if is_form { PATH.to_owned() } else { format!("{PATH}?bodySHA256={hash}") }
}

/// As the provider's documentation says, without its SDKs' peculiarities.
fn sign(is_form: bool, path: &str, body: &[u8]) -> String {
    let [tail, _] = if is_form { tails(body) } else { Default::default() };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, AUTH_TOKEN.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{BASE}{path}{tail}").as_bytes()))
}

/// Names and values, sorted by code points and by UTF-16 units. Where one ends and the next begins is not signed, which
/// is the provider's choice: two forms of one tail are the same.
fn tails(form: &[u8]) -> [String; 2] {
    let mut fields: Vec<(String, String)> = url::form_urlencoded::parse(form).into_owned().collect();
    let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    fields.sort();
    fields.dedup();
    let text = |fields: &[(String, String)]| fields.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let by_points = text(&fields);
    fields.sort_by_key(|(name, value)| (units(name), units(value)));
    [by_points, text(&fields)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::bench::ACCOUNT;

    #[test]
    fn a_callback_that_is_signed_is_kept_and_one_that_was_changed_is_not() {
        let form =
            format!("AccountSid={ACCOUNT}&CallSid=CA{:032x}&RecordingSid=RE{:032x}&RecordingStatus=completed", 9, 9);
        let signature = sign(true, PATH, form.as_bytes());
        assert_eq!(send(true, PATH, signature.as_bytes(), form.as_bytes()).0, 204);
        let changed = form.replace("completed", "absent");
        assert_eq!(send(true, PATH, signature.as_bytes(), changed.as_bytes()), (403, "bad_signature".into()));
    }
}
