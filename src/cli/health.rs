//! `landfall health`: a container's health check, without a shell or curl in the image.

use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::server::{Server, body};
use super::{block_on, say};
use crate::config::Config;

/// Container engines give up after 30 s unless told otherwise; a ready server needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(config: &Config) -> ExitCode {
    block_on(async {
        let server = Server::new(config, None, PATIENCE)?;
        let answer = server.request(Method::GET, "/readyz").send().await.map_err(|e| server.unreachable(&e))?;
        match answer.status() {
            StatusCode::OK => {
                say("ready");
                Ok(())
            }
            status => Err(format!("not ready ({status}): {}", failing(&body(answer).await))),
        }
    })
}

/// The checks that fail, with their codes; the answer as it came, if it is none of ours.
fn failing(body: &str) -> String {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let Some(checks) = answer["checks"].as_array() else { return body.trim().to_owned() };
    let failing = checks.iter().filter(|check| check["ok"] == false);
    let named = failing.map(|check| match (check["name"].as_str(), check["code"].as_str()) {
        (Some(name), Some(code)) if name != code => format!("{name} ({code})"),
        (name, code) => name.or(code).unwrap_or("unnamed check").to_owned(),
    });
    named.collect::<Vec<_>>().join(", ")
}
