//! Why somebody is turned away, in words for the developer at the other end. None of them holds any of the token.

use std::fmt;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is none.
    Missing,
    /// It is no JWT, or a claim has the wrong shape.
    Malformed(&'static str),
    /// It is signed in a way that no configured key accepts.
    Algorithm,
    /// No secret and no key of the key set is for it.
    UnknownKey,
    /// The signature does not fit.
    BadSignature,
    /// Its `exp` has passed.
    Expired,
    /// Its `nbf` has not come.
    NotYet,
    /// It names no tenant, and its role needs one.
    NoTenant,
    /// Its role is none of ours.
    UnknownRole,
    /// The key set has never been read. Nothing is wrong with the token; trying again may help.
    KeysUnavailable,
    /// The endpoint that knows the callers knows none with these credentials.
    Refused,
    /// That endpoint cannot tell, or is asked too much. Nothing is wrong with the credentials.
    LoginUnavailable,
}

impl Denied {
    /// Whether the same credentials may be good in a moment.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::LoginUnavailable)
    }

    /// Whether the token is one that nobody has signed, or the endpoint knows nobody by that: what somebody sends who tries
    /// keys.
    pub const fn is_a_guess(self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Algorithm | Self::UnknownKey | Self::BadSignature | Self::Refused)
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "A token is needed: a bearer token, the session cookie or a signed link.",
            Self::Malformed(why) => return write!(f, "The token cannot be read: {why}."),
            Self::Algorithm => {
                "The token's algorithm is not accepted here: HS256 needs a configured secret; RS256, ES256 and EdDSA \
                 need a configured key set."
            }
            Self::UnknownKey => "No configured key is for this token: check its kid and alg.",
            Self::BadSignature => "The token's signature does not fit: it was signed with another key or changed.",
            Self::Expired => "The token has expired.",
            Self::NotYet => "The token is not valid yet (nbf): compare the clocks.",
            Self::NoTenant => "The token names no tenant: its tenant claim is missing, empty or too long.",
            Self::UnknownRole => "The token's role is unknown: a role is agent, admin or service.",
            Self::Refused => "The login (auth.forward_url) does not accept these credentials.",
            Self::LoginUnavailable => "The login (auth.forward_url) cannot say right now who is asking.",
            Self::KeysUnavailable => "The key set cannot be read right now, so no token can be checked.",
        })
    }
}

impl std::error::Error for Denied {}

/// Why there is no door.
#[derive(Debug)]
pub enum AuthError {
    /// The key file is missing, unreadable, too large or no key set.
    KeyFile(String),
    /// The client that fetches key sets, or asks the endpoint, could not be made.
    Client(String),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFile(why) => write!(f, "the key file cannot be used: {why}"),
            Self::Client(why) => write!(f, "no client for HTTP: {why}"),
        }
    }
}

impl std::error::Error for AuthError {}

/// Why a token was not signed.
#[derive(Debug)]
pub enum SignError {
    /// Tokens for a key set come from whoever holds its private keys.
    NoSecret,
    /// The library refused.
    Failed(String),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSecret => f.write_str(
                "neither auth.jwt_secret nor auth.jwt_secrets is configured, so no token can be signed here; tokens for \
                 a key set come from its issuer",
            ),
            Self::Failed(why) => write!(f, "the token could not be signed: {why}"),
        }
    }
}

impl std::error::Error for SignError {}
