//! A key set as it is written (RFC 7517 §5): which of its keys can verify a token, and which one verifies this.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The public keys of an issuer.
pub(super) struct Keys(Vec<Key>);

struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl Keys {
    /// The keys that can verify RS256, ES256 or EdDSA. Others are passed over, as RFC 7517 §5 asks; a set without
    /// any is an error.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(text).map_err(|error| format!("it is no JSON Web Key Set: {error}"))?;
        let keys: Vec<Key> = document.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err("it holds no key for RS256, ES256 or EdDSA".into());
        }
        Ok(Self(keys))
    }

    /// The key of that name for that algorithm; without a name, the only one there is for the algorithm.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == algorithm);
        match kid {
            Some(_) => fitting.find(|key| key.kid.as_deref() == kid).map(|key| &key.key),
            None => fitting.next().filter(|_| fitting.next().is_none()).map(|key| &key.key),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn usable(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        // Among them symmetric keys: a secret has no business in a key set.
        _ => return None,
    };
    let about = &jwk.common;
    let for_signatures = about.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && about.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let for_algorithm = about.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
    let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| for_signatures && for_algorithm)?;
    Some(Key { kid: jwk.common.key_id, algorithm, key })
}
