//! The running server: whether it answers on this machine, and through the address that everybody else knows.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Duration;

use super::super::server::{Server, body};
use super::check::Check;
use super::place::absolute;
use crate::config::Config;

/// Less than a check may take: so that it can say what it waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// What `/healthz` says.
const LIVES: &str = "ok";

/// The server of this machine.
pub(super) async fn server(config: &Config) -> Check {
    const NAME: &str = "server";
    let server = match Server::new(config, None, PATIENCE) {
        Ok(server) => server,
        Err(why) => return Check::skip(NAME, why),
    };
    let answer = match server.request(Method::GET, "/readyz").send().await {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => {
            let detail = format!("nobody listens at {}", server.base());
            if config.database_url.file().is_some_and(|file| absolute(file).exists()) {
                return Check::warn(NAME, format!("{detail}, although a server has run here"), "landfall serve");
            }
            return Check::skip(NAME, format!("not started yet: {detail}"));
        }
        Err(error) => {
            let mend = "its process hangs, or another one has the port (ss -ltnp): look into the log, and restart it";
            return Check::fail(NAME, server.unreachable(&error), mend);
        }
    };
    let status = answer.status();
    let said: Value = serde_json::from_str(&body(answer).await).unwrap_or_default();
    let Some(checks) = said["checks"].as_array() else {
        let detail = format!("{} is answered by something else ({status})", server.base());
        return Check::fail(NAME, detail, "choose another address for `listen`, or stop the other process: ss -ltnp");
    };
    if status == StatusCode::OK {
        return Check::ok(NAME, format!("{} is ready", server.base()));
    }
    let failing = checks.iter().filter(|check| check["ok"] == false).filter_map(|check| check["code"].as_str());
    let failing = failing.collect::<Vec<_>>().join(", ");
    Check::fail(NAME, format!("{} is not ready: {failing}", server.base()), mend_of(&failing))
}

fn mend_of(code: &str) -> &'static str {
    match code {
        "draining" => "it is stopping: wait, or start it again",
        code if code.contains("volume") => "see the checks of volume, disk and sharing; it heals without a restart",
        code if code.contains("catalog") => "see the check of the catalog; it heals without a restart",
        _ => "see the other checks, and its log",
    }
}

/// Whether `public_url` leads to it.
pub(super) async fn public_url(config: &Config) -> Check {
    const NAME: &str = "public_url";
    if config.public_url.is_none() && config.listen.port() == 0 {
        return Check::skip(NAME, "listen has port 0, so nobody knows where the server is");
    }
    let url = config.public_url(config.listen);
    let server = match Server::new(config, Some(url.clone()), PATIENCE - PATIENCE / 4) {
        Ok(server) => server,
        Err(why) => return Check::skip(NAME, why),
    };
    match ask(&server).await {
        Told::Lives => Check::ok(NAME, format!("{url} leads to a server")),
        Told::Other(what) => Check::fail(
            NAME,
            format!("{url} is answered by something else: {what}"),
            format!(
                "let the proxy pass all paths on: proxy_pass http://{};\nor set public_url to where the server is",
                config.listen
            ),
        ),
        Told::Nothing(_) if !is_up(config).await => {
            Check::skip(NAME, format!("no server answers at {url}, nor on this machine: not started yet?"))
        }
        Told::Nothing(why) => Check::fail(
            NAME,
            format!("the server runs, but not where others look for it: {why}"),
            format!(
                "check name, certificate and proxy: curl -v {url}/healthz\nor mend the line: public_url = \"https://…\""
            ),
        ),
    }
}

/// The server behind `public_url`, for a check of that name; else why it cannot be asked.
pub(super) async fn knock(name: &'static str, config: &Config) -> Result<Server, Check> {
    if config.public_url.is_none() && config.listen.port() == 0 {
        return Err(Check::skip(name, "listen has port 0, so nobody knows where the server is"));
    }
    let url = config.public_url(config.listen);
    let server = Server::new(config, Some(url), PATIENCE).map_err(|why| Check::skip(name, why))?;
    match ask(&server).await {
        Told::Lives => Ok(server),
        Told::Other(_) | Told::Nothing(_) => Err(Check::skip(name, format!("no server answers at {}", server.base()))),
    }
}

enum Told {
    Lives,
    Other(String),
    Nothing(String),
}

async fn ask(server: &Server) -> Told {
    let answer = match server.request(Method::GET, "/healthz").send().await {
        Ok(answer) => answer,
        Err(error) => return Told::Nothing(server.unreachable(&error)),
    };
    let status = answer.status();
    match status == StatusCode::OK && body(answer).await.trim() == LIVES {
        true => Told::Lives,
        false => Told::Other(format!("/healthz gives {status}")),
    }
}

async fn is_up(config: &Config) -> bool {
    let Ok(server) = Server::new(config, None, PATIENCE / 4) else { return false };
    server.request(Method::GET, "/healthz").send().await.is_ok()
}
