//! Tokens: what was not signed with a key of ours is refused, whatever it says; what was is read by the rules.

use std::cell::OnceCell;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::bench::jwt_options;
use super::{bounded, choice, tampered};
use crate::auth::{Auth, AuthOptions, Caller, Denied, LEEWAY, Role};
use crate::recording::{Scope, Timestamp};

struct Issuer {
    runtime: Runtime,
    auth: Auth,
    pair: Ed25519KeyPair,
    _directory: tempfile::TempDir,
}

/// By the first byte: a token as it comes; a good one that was changed in one place; a header and claims, behind a zero
/// byte, signed with the public key as a secret, or with the secret itself.
pub fn token(data: &[u8]) {
    let Some((how, data)) = bounded(data, 4096).and_then(choice) else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    thread_local! { static ISSUER: OnceCell<Issuer> = const { OnceCell::new() } }
    ISSUER.with(|issuer| {
        let issuer = issuer.get_or_init(Issuer::new);
        let parts = text.split_once('\0').map(|(header, claims)| message(header, claims));
        match (how % 5, parts) {
            (0, _) => assert!(issuer.verify(text).is_err(), "an arbitrary token is good"),
            (1, _) => issuer.check_tampered(&by_secret(&message(r#"{"alg":"HS256"}"#, &good_claims())), data),
            (2, _) => {
                issuer.check_tampered(&issuer.by_key(&message(r#"{"alg":"EdDSA","kid":"k"}"#, &good_claims())), data)
            }
            (3, Some(message)) => issuer.check_confused(&message),
            (4, Some(message)) => issuer.check_signed(&message, text),
            _ => {}
        }
    });
}

impl Issuer {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pair = Ed25519KeyPair::generate().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("keys.json");
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": BASE64.encode(pair.public_key())});
        std::fs::write(&file, json!({ "keys": [key] }).to_string()).unwrap();
        let mut options = jwt_options();
        options.jwks_file = Some(file);
        let auth = Auth::new(AuthOptions::Jwt(options)).unwrap();
        Self { runtime, auth, pair, _directory: directory }
    }

    fn verify(&self, token: &str) -> Result<std::sync::Arc<Caller>, Denied> {
        self.runtime.block_on(self.auth.verify(token))
    }

    fn by_key(&self, message: &str) -> String {
        format!("{message}.{}", BASE64.encode(self.pair.sign(message.as_bytes())))
    }

    fn check_tampered(&self, good: &str, how: &[u8]) {
        assert!(self.verify(good).is_ok(), "a good token is refused");
        if let Some(changed) = tampered(good, how) {
            assert!(self.verify(&changed).is_err(), "a changed token is good: {changed}");
        }
    }

    /// The public key is known to everybody: whoever signs with it as a secret is nobody.
    fn check_confused(&self, message: &str) {
        let public = self.pair.public_key().as_ref();
        for secret in [public, BASE64.encode(public).as_bytes()] {
            let token = signed(message, secret);
            assert!(self.verify(&token).is_err(), "a public key was taken for a secret: {token}");
        }
        let mut random = [0; 64];
        rand::fill(&mut random).unwrap();
        let token = format!("{message}.{}", BASE64.encode(random));
        assert!(self.verify(&token).is_err(), "a random signature is good: {token}");
    }

    fn check_signed(&self, message: &str, text: &str) {
        let (Ok(caller), Some((_, claims))) = (self.verify(&by_secret(message)), text.split_once('\0')) else { return };
        let claims: Value = serde_json::from_str(claims).expect("claims are JSON");
        let tenant = match &claims["business_id"] {
            Value::String(name) => name.clone(),
            other => other.to_string(),
        };
        match &caller.scope {
            Scope::Tenant(of) => assert_eq!(of.as_str(), tenant, "another tenant than the token says"),
            Scope::Every => assert_eq!(claims["role"], "service", "only a service is of every tenant"),
        }
        assert_eq!(caller.role == Role::Agent, claims.get("role").is_none_or(|role| role == "agent"));
        let latest = Timestamp::now().plus(LEEWAY);
        assert!(!caller.is_expired(Timestamp::now()), "an expired token is good");
        let not_before = claims.get("nbf").map_or(Some(0.0), Value::as_f64).expect("a number");
        assert!(not_before * 1000.0 <= latest.0 as f64 + 1.0, "a token is good before its time");
        assert!(claims.get("exp").is_some_and(Value::is_number), "a token without an end is good");
    }
}

fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", BASE64.encode(header), BASE64.encode(claims))
}

fn good_claims() -> String {
    json!({"sub": "dana", "business_id": "t", "exp": 4_000_000_000_u64}).to_string()
}

fn by_secret(message: &str) -> String {
    let secret = jwt_options().secret.expect("a secret");
    signed(message, secret.reveal().as_bytes())
}

fn signed(message: &str, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{message}.{}", BASE64.encode(hmac::sign(&key, message.as_bytes())))
}
