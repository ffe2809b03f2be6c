//! One question to the endpoint, and what its answer means. Remembers nothing.

use std::fmt;

use reqwest::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderValue};
use reqwest::{Client, StatusCode};
use serde_json::{Map, Value};
use tokio::time::Duration;

use super::{Credentials, ForwardOptions};
use crate::auth::jwt::name;
use crate::auth::{AuthError, Caller, END_OF_TIME, Role};
use crate::recording::{Scope, Tenant};

/// How long the endpoint may take, to the last byte of its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Real answers have some hundred bytes.
const MOST_BYTES: usize = 64 * 1024;

/// The configured place, and where in its answers the names stand.
pub(super) struct Endpoint {
    client: Client,
    options: ForwardOptions,
}

/// What the endpoint says about credentials.
pub(super) enum Said {
    Known(Caller),
    /// 401 or 403.
    Refused,
}

/// Why an answer says nothing, for the log. Holds nothing of what was answered.
#[derive(Debug)]
pub(super) enum Trouble {
    Transport(String),
    Status(StatusCode),
    TooLarge,
    NoObject,
    NoTenant,
    Unsendable,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(why) => write!(f, "no answer: {why}"),
            Self::Status(status) => write!(f, "it answers {status}; 200, 401 or 403 are understood"),
            Self::TooLarge => write!(f, "its answer is larger than {MOST_BYTES} bytes"),
            Self::NoObject => f.write_str("its answer is no JSON object"),
            Self::NoTenant => f.write_str("no tenant stands at auth.forward_tenant_pointer"),
            Self::Unsendable => f.write_str("the credentials cannot stand in a header"),
        }
    }
}

impl Endpoint {
    pub(super) fn new(options: ForwardOptions) -> Result<Self, AuthError> {
        let client = Client::builder()
            .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
            // Credentials go to the configured place, and neither on from there nor past a proxy that somebody set.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(PATIENCE)
            .build()
            .map_err(|error| AuthError::Client(error.to_string()))?;
        Ok(Self { client, options })
    }

    pub(super) fn options(&self) -> &ForwardOptions {
        &self.options
    }

    /// Asks with these credentials and nothing else of the request they came with.
    pub(super) async fn ask(&self, credentials: &Credentials) -> Result<Said, Trouble> {
        let mut request = self.client.get(self.options.url.clone()).header(ACCEPT, "application/json");
        for (name, value) in [(AUTHORIZATION, credentials.authorization()), (COOKIE, credentials.cookie())] {
            if !value.is_empty() {
                let mut value = HeaderValue::from_bytes(value).map_err(|_| Trouble::Unsendable)?;
                value.set_sensitive(true);
                request = request.header(name, value);
            }
        }
        // Without the URL: its query may hold a key.
        let told = |error: reqwest::Error| Trouble::Transport(error.without_url().to_string());
        let mut response = request.send().await.map_err(told)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(Said::Refused),
            other => return Err(Trouble::Status(other)),
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if text.len() + chunk.len() > MOST_BYTES {
                return Err(Trouble::TooLarge);
            }
            text.extend_from_slice(&chunk);
        }
        let answer: Map<String, Value> = serde_json::from_slice(&text).map_err(|_| Trouble::NoObject)?;
        self.caller(&Value::Object(answer)).map(Said::Known)
    }

    fn caller(&self, answer: &Value) -> Result<Caller, Trouble> {
        let at = |pointer: &str| answer.pointer(pointer).and_then(name);
        let role = self.role(answer);
        let tenant = at(&self.options.tenant).and_then(|name| Tenant::new(&name));
        let scope = match (role, tenant) {
            (Role::Service, _) => Scope::Every,
            (_, Some(tenant)) => Scope::Tenant(tenant),
            (_, None) => return Err(Trouble::NoTenant),
        };
        let user = at(&self.options.user).map_or_else(|| role.as_str().into(), Into::into);
        Ok(Caller { user, scope, role, expires: END_OF_TIME })
    }

    /// The role, as far as it is believed. The endpoint was not made for us: a word that it uses for something else
    /// gives nobody more than an agent may.
    fn role(&self, answer: &Value) -> Role {
        let named = self.options.role.as_deref().and_then(|pointer| answer.pointer(pointer)?.as_str()?.parse().ok());
        match named {
            Some(Role::Service) if !self.options.allow_service => Role::Agent,
            named => named.unwrap_or(Role::Agent),
        }
    }
}
