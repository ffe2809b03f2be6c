//! Whether anybody could log in: keys can be read, and whoever is to be asked answers. Shows no key.

use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::super::server::body;
use super::check::Check;
use super::door::PATIENCE;
use crate::auth::{Auth, AuthOptions, keys_at};
use crate::config::{AuthMode, Config};

const NAME: &str = "auth";

/// Whatever tells callers apart.
pub(super) async fn auth(config: &Config) -> Check {
    match config.auth.mode {
        AuthMode::Jwt => keys(config).await,
        AuthMode::None => Check::warn(
            NAME,
            "auth.mode is none: everybody on this machine is an admin",
            "for anything but trying: auth.mode = \"jwt\", and a secret (openssl rand -hex 32)",
        ),
        AuthMode::Forward => match &config.auth.forward_url {
            Some(url) => endpoint(url, config.auth.forward_tenant_pointer.as_deref().unwrap_or_default()).await,
            None => Check::fail(NAME, "auth.forward_url is not set", "auth.forward_url = \"https://…\""),
        },
    }
}

async fn keys(config: &Config) -> Check {
    let secrets = config.auth.jwt_secrets.len() + usize::from(config.auth.jwt_secret.is_some());
    let secrets = match secrets {
        0 => "no secret".to_owned(),
        1 => "a secret".to_owned(),
        more => format!("{more} secrets"),
    };
    if let Some(url) = &config.auth.jwks_url {
        let at = place(url);
        return match keys_at(url).await {
            Ok(count) => Check::ok(NAME, format!("{secrets}, and {count} keys at {at}")),
            Err(why) => {
                let mend = format!("check auth.jwks_url, name and firewall: curl -sS {at}");
                Check::fail(NAME, format!("auth.jwks_url ({at}) gives no keys: {why}"), mend)
            }
        };
    }
    let options = AuthOptions::Jwt(config.jwt_options());
    match (Auth::new(options), &config.auth.jwks_file) {
        (Ok(_), Some(file)) => Check::ok(NAME, format!("{secrets}, and the keys in {}", file.display())),
        (Ok(_), None) => Check::ok(NAME, secrets),
        (Err(error), _) => Check::fail(NAME, error.to_string(), "point auth.jwks_file to a JSON Web Key Set"),
    }
}

/// Asks as somebody without any credentials, who is to be refused.
async fn endpoint(url: &Url, tenant: &str) -> Check {
    let at = place(url);
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(PATIENCE).build();
    let answer = match client {
        Ok(client) => client.get(url.clone()).header("accept", "application/json").send().await,
        Err(error) => Err(error),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let detail = format!("auth.forward_url ({at}) does not answer: {}", error.without_url());
            return Check::fail(NAME, detail, format!("check the URL, name and firewall: curl -sSI {at}"));
        }
    };
    match answer.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Check::ok(NAME, format!("{at} answers, and refuses whoever brings no credentials"))
        }
        StatusCode::OK => {
            let said: Value = serde_json::from_str(&body(answer).await).unwrap_or_default();
            let detail = format!("{at} answers 200 to whoever brings no credentials");
            match said.pointer(tenant).filter(|tenant| tenant.is_string() || tenant.is_number()) {
                Some(_) => Check::fail(
                    NAME,
                    format!("{detail}, and names a tenant: everybody is let in"),
                    "let it answer 401 there",
                ),
                None => Check::warn(
                    NAME,
                    format!("{detail}; nobody is let in by that, but it looks like an outage"),
                    "let it answer 401 there",
                ),
            }
        }
        status => Check::warn(
            NAME,
            format!("{at} answers {status} to whoever brings no credentials: 200, 401 or 403 are understood"),
            "let it answer 401 there, also where it sends browsers to a login page",
        ),
    }
}

/// A URL without its query, which may hold a key.
fn place(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}
