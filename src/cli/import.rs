//! `landfall import`: registers the calls of a file, one request each, and tells which lines failed and why.

mod rows;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt, stream};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, Response, StatusCode};

use super::server::{Server, parse_url, refusal};
use super::{block_on, complain, say};
use crate::config::Config;
use rows::{Row, Rows};

const PATIENCE: Duration = Duration::from_secs(30);
/// Enough to hide the way there and back; few enough to leave the server to its listeners.
const AT_ONCE: usize = 16;
/// Times that a busy server is asked for one call.
const TRIES: u32 = 5;
/// The longest that a busy server can make us wait.
const MOST_WAIT: Duration = Duration::from_secs(10);

/// Register calls in bulk, from CSV or JSON lines
///
/// The file is CSV with a header, or JSON with one object a line. Its fields: call_sid, tenant, account_sid, and if
/// known recording_sid, started_at, duration_s, from, to, direction, title. Calls that are registered already are no
/// failure, so an import can be repeated.
#[derive(Args)]
pub(super) struct Import {
    /// CSV with a header, or JSON lines
    file: PathBuf,
    /// Another server than this machine's
    #[arg(long, value_parser = parse_url)]
    url: Option<String>,
}

#[derive(Default)]
struct Tally {
    registered: u64,
    known: u64,
    failed: u64,
}

/// Why a call was not registered.
enum Failure {
    /// The fault of its line; others may do better.
    Line(String),
    /// No line can do better.
    All(String),
}

impl Import {
    pub(super) fn run(self, config: &Config) -> ExitCode {
        block_on(async {
            let server = Server::new(config, self.url, PATIENCE)?;
            let rows = Rows::open(&self.file).map_err(|why| format!("{}: {why}", self.file.display()))?;
            let mut answers = stream::iter(rows).map(|(line, row)| register(&server, line, row)).buffered(AT_ONCE);
            let mut tally = Tally::default();
            while let Some((line, answer)) = answers.next().await {
                match answer {
                    Ok(StatusCode::CREATED) => tally.registered += 1,
                    Ok(_) => tally.known += 1,
                    Err(Failure::Line(why)) => {
                        tally.failed += 1;
                        complain(format!("line {line}: {why}"));
                    }
                    Err(Failure::All(why)) => return Err(format!("stopped at line {line}: {why}")),
                }
            }
            let Tally { registered, known, failed } = tally;
            say(format!("{registered} registered, {known} known already, {failed} failed"));
            if failed == 0 { Ok(()) } else { Err("not all calls were registered".into()) }
        })
    }
}

async fn register(server: &Server, line: u64, row: Result<Row, String>) -> (u64, Result<StatusCode, Failure>) {
    let answer = match row {
        Ok(row) => put(server, &row).await,
        Err(why) => Err(Failure::Line(why)),
    };
    (line, answer)
}

async fn put(server: &Server, row: &Row) -> Result<StatusCode, Failure> {
    let path = format!("/api/calls/{}", row.call_sid);
    for _ in 1..TRIES {
        let answer = send(server, &path, row).await?;
        match answer.status() {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                tokio::time::sleep(patience(&answer)).await;
            }
            _ => return judge(answer).await,
        }
    }
    judge(send(server, &path, row).await?).await
}

async fn send(server: &Server, path: &str, row: &Row) -> Result<Response, Failure> {
    let request = server.request_as_service(Method::PUT, path).map_err(Failure::All)?;
    request.json(&row.fields).send().await.map_err(|error| Failure::All(server.unreachable(&error)))
}

async fn judge(answer: Response) -> Result<StatusCode, Failure> {
    match answer.status() {
        status if status.is_success() => Ok(status),
        // It was erased, and stays so: an import can be repeated all the same.
        status @ StatusCode::GONE => Ok(status),
        // Nobody will be let in with this token, whatever the line.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::All(refusal(answer).await)),
        _ => Err(Failure::Line(refusal(answer).await)),
    }
}

fn patience(answer: &Response) -> Duration {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1)).min(MOST_WAIT)
}
