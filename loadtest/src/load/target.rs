//! The server that is aimed at: its address, and who asks it. Knows no scenario.

use std::net::{IpAddr, SocketAddr};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::net::lookup_host;
use url::{Host, Url};

use super::Failure;
use crate::client::token;

/// Tenants of a run whose tokens it signs itself: whoever is of the one must not see what is the other's.
const TENANTS: [&str; 2] = ["load-a", "load-b"];
/// Users that sessions are spread over, since servers bound what one user may do.
const USERS: u64 = 1000;

/// Where tokens come from.
#[derive(Clone)]
pub(super) enum Credentials {
    /// They are signed here.
    Secret(String),
    /// They were given.
    Tokens { own: String, foreign: Option<String> },
}

/// A server and who asks it.
pub(super) struct Target {
    base: String,
    pub(super) address: SocketAddr,
    host: String,
    credentials: Credentials,
}

impl Target {
    /// Resolves the URL.
    ///
    /// # Errors
    /// When it is none of `http`, does not resolve, or leads off this machine without `allow_remote`.
    pub(super) async fn new(url: &str, credentials: Credentials, allow_remote: bool) -> Result<Self, Failure> {
        let address = resolve(url, allow_remote).await?;
        let base = url.trim_end_matches('/').to_owned();
        let host = base.trim_start_matches("http://").to_owned();
        Ok(Self { base, address, host, credentials })
    }

    /// A URL of it; `path` begins with a slash.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What a request calls it.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// How many tenants there are.
    pub(super) fn tenants(&self) -> usize {
        match &self.credentials {
            Credentials::Secret(_) => TENANTS.len(),
            Credentials::Tokens { .. } => 1,
        }
    }

    /// A tenant's name, where tokens are signed here.
    pub(super) fn tenant(&self, tenant: usize) -> &'static str {
        TENANTS[tenant % TENANTS.len()]
    }

    /// A token of a user of this tenant.
    pub(super) fn token(&self, tenant: usize, user: u64) -> String {
        match &self.credentials {
            Credentials::Secret(secret) => {
                sign(secret, self.tenant(tenant), &format!("load-{}", user % USERS), "agent")
            }
            Credentials::Tokens { own, .. } => own.clone(),
        }
    }

    /// A token of somebody who must not see what is this tenant's; none where there is nobody.
    pub(super) fn foreign_token(&self, tenant: usize, user: u64) -> Option<String> {
        match &self.credentials {
            Credentials::Secret(_) => Some(self.token(tenant + 1, user)),
            Credentials::Tokens { foreign, .. } => foreign.clone(),
        }
    }

    /// A token that registers calls, where tokens are signed here.
    pub(super) fn service_token(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Secret(secret) => Some(sign(secret, "load", "load", "service")),
            Credentials::Tokens { .. } => None,
        }
    }
}

/// Where a URL leads; off this machine only when that is allowed.
pub(super) async fn resolve(url: &str, allow_remote: bool) -> Result<SocketAddr, Failure> {
    let parsed = Url::parse(url).map_err(|error| format!("{url}: {error}"))?;
    if parsed.scheme() != "http" {
        return Err(format!("{url}: only http:// is spoken; aim past the proxy that speaks TLS").into());
    }
    let port = parsed.port_or_known_default().unwrap_or(80);
    let address = match parsed.host() {
        Some(Host::Ipv4(address)) => SocketAddr::new(IpAddr::V4(address), port),
        Some(Host::Ipv6(address)) => SocketAddr::new(IpAddr::V6(address), port),
        Some(Host::Domain(name)) => {
            lookup_host((name, port)).await?.next().ok_or_else(|| format!("{name} has no address"))?
        }
        None => return Err(format!("{url} names no host").into()),
    };
    if !address.ip().is_loopback() && !allow_remote {
        return Err(format!("{address} is not this machine; --allow-remote aims there, if the server is yours").into());
    }
    Ok(address)
}

fn sign(secret: &str, tenant: &str, user: &str, role: &str) -> String {
    let until = (Timestamp::now() + SignedDuration::from_hours(24)).as_second();
    token::sign(secret, &json!({"sub": user, "business_id": tenant, "role": role, "exp": until}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_this_machine_is_aimed_at_unless_allowed() {
        assert!(resolve("http://127.0.0.1:1", false).await.is_ok());
        assert!(resolve("http://[::1]:1", false).await.is_ok());
        // An address for documentation (RFC 5737); nothing is sent there.
        assert!(resolve("http://192.0.2.1", false).await.unwrap_err().to_string().contains("--allow-remote"));
        assert!(resolve("http://192.0.2.1", true).await.is_ok());
        assert!(resolve("https://127.0.0.1", true).await.is_err());
    }
}
