//! The running server as the other commands see it: where it is, who we are to it, and what its refusals say.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use url::Url;

use crate::auth::{AuthOptions, Grant, Role};
use crate::config::{Config, reachable};
use crate::recording::Timestamp;

/// A token is made for each request: long enough for a slow one, useless soon after.
const TOKEN_TTL: Duration = Duration::from_secs(60);
/// The longest answer that is read.
const MOST_BYTES: usize = 64 * 1024;

pub(super) struct Server {
    client: Client,
    base: String,
    auth: AuthOptions,
}

impl Server {
    /// The server at `url`, else the one that this configuration starts on this machine.
    pub(super) fn new(config: &Config, url: Option<String>, patience: Duration) -> Result<Self, String> {
        let base = match url {
            Some(url) => url,
            None if config.listen.port() == 0 => {
                return Err("listen has port 0, so nobody knows where the server is".into());
            }
            None => format!("http://{}", reachable(config.listen)),
        };
        let client = Client::builder()
            .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(patience)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { client, base, auth: config.auth_options() })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// A request without credentials.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// A request as a service.
    pub(super) fn request_as_service(&self, method: Method, path: &str) -> Result<RequestBuilder, String> {
        let request = self.request(method, path);
        let options = match &self.auth {
            AuthOptions::Jwt(options) => options,
            AuthOptions::Forward(options) => &options.services,
            AuthOptions::None => return Ok(request),
        };
        let expires = Timestamp::now().plus(TOKEN_TTL);
        let grant = Grant { user: "landfall-cli", tenant: None, role: Role::Service, expires };
        let token = options.sign(&grant).map_err(|error| error.to_string())?;
        Ok(request.bearer_auth(token))
    }

    /// Why no answer came, for people.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> String {
        let why = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
        format!("the server at {} {why}: {}", self.base, innermost(error))
    }
}

/// The cause at the bottom: those above it repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The body of an answer, cut off where no answer of ours ends.
pub(super) async fn body(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a refusal says: its status, and the problem's detail (RFC 9457) where there is one.
pub(super) async fn refusal(response: Response) -> String {
    let status = response.status();
    let problem: Value = serde_json::from_str(&body(response).await).unwrap_or_default();
    match problem["detail"].as_str() {
        Some(detail) => format!("{status}: {detail}"),
        None => status.to_string(),
    }
}

/// Where another server is, without a slash at its end.
pub(super) fn parse_url(text: &str) -> Result<String, &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("it must be a URL like http://127.0.0.1:8080"),
    }
}
