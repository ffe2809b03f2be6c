//! Tokens as a back end would sign them.

use landfall::recording::Timestamp;
use serde_json::json;

/// The server's secret.
pub const SECRET: &str = "a secret of the tests, long enough to be one";

/// A token for that user, good for days: a server whose clock is hours ahead takes it too.
pub fn token(tenant: &str, role: &str) -> String {
    let claims =
        json!({"sub": "tester", "business_id": tenant, "role": role, "exp": Timestamp::now().seconds() + 7 * 86_400});
    sign(&claims)
}

/// Any claims, signed.
pub fn sign(claims: &serde_json::Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("claims are JSON")
}
