//! JSON Web Tokens (RFC 7519): from text to a caller, and back for `landfall token`.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Map, Value};

use super::keyset::KeySet;
use super::{AuthError, Caller, Denied, END_OF_TIME, JwtOptions, LEEWAY, Role, SignError};
use crate::recording::{Scope, Tenant, Timestamp};
use crate::secret::Secret;

type Claims = Map<String, Value>;

/// Checks tokens against the configured keys.
pub(super) struct Verifier {
    secret: Option<DecodingKey>,
    secrets: Vec<(String, DecodingKey)>,
    keys: Option<KeySet>,
    tenant_claim: String,
}

impl Verifier {
    pub(super) fn new(options: JwtOptions) -> Result<Self, AuthError> {
        let keys = match (options.jwks_url, options.jwks_file) {
            (Some(url), _) => Some(KeySet::at(url)?),
            (None, Some(path)) => Some(KeySet::in_file(path)?),
            (None, None) => None,
        };
        let key = |secret: &Secret| DecodingKey::from_secret(secret.reveal().as_bytes());
        let secret = options.secret.as_ref().map(key);
        let secrets = options.secrets.into_iter().map(|named| (named.kid, key(&named.secret))).collect();
        Ok(Self { secret, secrets, keys, tenant_claim: options.tenant_claim })
    }

    pub(super) async fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, Denied> {
        let header = decode_header(token).map_err(|_| Denied::Malformed("it is no JWT of a known algorithm"))?;
        if header.crit.is_some() {
            return Err(Denied::Malformed("it has critical extensions (crit), and none is known here"));
        }
        // The algorithm chooses the kind of key, never the other way round: a public key is no HMAC secret.
        let claims = match header.alg {
            Algorithm::HS256 => check(token, self.secret(header.kid.as_deref())?, header.alg)?,
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
                let keys = self.keys.as_ref().ok_or(Denied::Algorithm)?;
                check(token, &keys.key(header.kid.as_deref(), header.alg).await?, header.alg)?
            }
            _ => return Err(Denied::Algorithm),
        };
        self.caller(&claims, now)
    }

    /// The secret of that name; else the one without a name, so that tokens from before a rotation stay good, whatever
    /// `kid` they have, for as long as that secret is kept.
    fn secret(&self, kid: Option<&str>) -> Result<&DecodingKey, Denied> {
        let named = self.secrets.iter().find(|(name, _)| Some(name.as_str()) == kid).map(|(_, key)| key);
        let none = if self.secrets.is_empty() { Denied::Algorithm } else { Denied::UnknownKey };
        named.or(self.secret.as_ref()).ok_or(none)
    }

    fn caller(&self, claims: &Claims, now: Timestamp) -> Result<Caller, Denied> {
        let expires = moment(claims, "exp")?.ok_or(Denied::Malformed("it has no exp claim, or exp is no number"))?;
        let not_before = moment(claims, "nbf")?;
        let role = match claims.get("role") {
            None => Role::Agent,
            Some(Value::String(name)) => name.parse().map_err(|_| Denied::UnknownRole)?,
            Some(_) => return Err(Denied::UnknownRole),
        };
        let user = match claims.get("sub") {
            None => role.as_str().into(),
            Some(sub) => name(sub).ok_or(Denied::Malformed("its sub claim is empty or no text"))?.into(),
        };
        let tenant = claims.get(&self.tenant_claim).and_then(name).and_then(|name| Tenant::new(&name));
        let scope = match (role, tenant) {
            (Role::Service, _) => Scope::Every,
            (_, Some(tenant)) => Scope::Tenant(tenant),
            (_, None) => return Err(Denied::NoTenant),
        };
        let caller = Caller { user, scope, role, expires };
        if caller.is_expired(now) {
            return Err(Denied::Expired);
        }
        if not_before.is_some_and(|from| now.plus(LEEWAY) < from) {
            return Err(Denied::NotYet);
        }
        Ok(caller)
    }
}

/// The claims, once the signature fits. Times are checked later, by our own clock.
fn check(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Claims, Denied> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    // Whom a token was made for is not configured here; the tenant claim is what binds it.
    validation.validate_aud = false;
    decode(token, key, &validation).map(|data| data.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidToken | ErrorKind::Json(_) | ErrorKind::Base64(_) | ErrorKind::Utf8(_) => {
            Denied::Malformed("it is no JWT with a JSON object of claims")
        }
        _ => Denied::BadSignature,
    })
}

/// A NumericDate (RFC 7519 §2), which may have a fraction; `None` when there is no such claim.
fn moment(claims: &Claims, claim: &str) -> Result<Option<Timestamp>, Denied> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().ok_or(Denied::Malformed("exp and nbf must be numbers"))?;
    Ok(Some(Timestamp((seconds * 1000.0) as i64).min(END_OF_TIME)))
}

/// A name that issuers write as text or as a whole number.
pub(super) fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// What a token shall say.
pub struct Grant<'a> {
    /// The `sub` claim.
    pub user: &'a str,
    /// The tenant claim; only a service goes without.
    pub tenant: Option<&'a Tenant>,
    /// The `role` claim.
    pub role: Role,
    /// The `exp` claim.
    pub expires: Timestamp,
}

impl JwtOptions {
    /// A token that a server with these options accepts, signed with the newest secret: the last of those with a
    /// name, whose name goes into the header; else the one without.
    pub fn sign(&self, grant: &Grant<'_>) -> Result<String, SignError> {
        let mut header = Header::new(Algorithm::HS256);
        let secret = match self.secrets.last() {
            Some(named) => {
                header.kid = Some(named.kid.clone());
                &named.secret
            }
            None => self.secret.as_ref().ok_or(SignError::NoSecret)?,
        };
        let mut claims = Claims::new();
        claims.insert("sub".into(), grant.user.into());
        claims.insert("role".into(), grant.role.as_str().into());
        claims.insert("exp".into(), grant.expires.seconds().into());
        if let Some(tenant) = grant.tenant {
            claims.insert(self.tenant_claim.clone(), tenant.as_str().into());
        }
        let key = EncodingKey::from_secret(secret.reveal().as_bytes());
        encode(&header, &claims, &key).map_err(|error| SignError::Failed(error.to_string()))
    }
}
