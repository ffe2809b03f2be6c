//! `landfall signal`: tells the server what another worker has landed. A lost signal costs a sweep, so this is only
//! for speed.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::server::{Server, parse_url, refusal};
use super::{block_on, say};
use crate::config::Config;
use crate::recording::Sid;

const PATIENCE: Duration = Duration::from_secs(10);
/// Names in one request: the server takes no more than a thousand.
const AT_ONCE: usize = 500;

/// Tell the server that files have landed: for workers that are not ours
#[derive(Args)]
pub(super) struct Signal {
    /// What has landed: the names of files in the volume, without .mp3 or .wav
    #[arg(required = true, value_name = "SID")]
    sids: Vec<Sid>,
    /// Another server than this machine's
    #[arg(long, value_parser = parse_url)]
    url: Option<String>,
}

impl Signal {
    pub(super) fn run(self, config: &Config) -> ExitCode {
        block_on(async {
            let server = Server::new(config, self.url, PATIENCE)?;
            for sids in self.sids.chunks(AT_ONCE) {
                let request = server.request_as_service(Method::POST, "/internal/landed")?;
                let answer = request.json(&json!({"sids": sids})).send().await.map_err(|e| server.unreachable(&e))?;
                if !answer.status().is_success() {
                    return Err(format!("{} refuses the signal: {}", server.base(), refusal(answer).await));
                }
            }
            say(format!("told {} of {}", server.base(), self.sids.len()));
            Ok(())
        })
    }
}
