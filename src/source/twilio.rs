//! Twilio's recordings API (2010-04-01). Media URLs are built from configured names only, never taken from a
//! callback; credentials never follow a redirect to another origin, and `egress` says where connections go at all.

pub mod egress;
mod probe;
mod resource;
pub mod signature;

use std::time::SystemTime;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::Duration;
use url::Url;

use super::{Download, Source, SourceError};
use crate::recording::{Container, Sid, Timestamp};
use crate::telemetry;
use egress::{Egress, Redirects, Refused};
use resource::{List, Recording};

/// Redirects followed before the source counts as broken.
const MOST_REDIRECTS: usize = 5;
/// Silence on a connection after which it counts as dead.
const STALL: Duration = Duration::from_secs(30);
/// The longest patience a `Retry-After` can ask of us.
const MOST_PATIENCE: Duration = Duration::from_secs(60);
/// No recording is larger: a day of two channels as WAV is 2.8 GB.
const MOST_BYTES: u64 = 4 << 30;
/// No list is larger: a thousand recordings have about a kilobyte each.
const MOST_WORDS: usize = 8 << 20;

/// Asks for the resources of deleted recordings, too: they say that nothing will come any more, where a mere 404 may
/// pass.
const SOFT_DELETED: (&str, &str) = ("IncludeSoftDeleted", "true");

/// How to reach an account's recordings.
#[derive(Clone)]
pub struct Account {
    /// `AC…`
    pub sid: String,
    /// User of the Basic credentials: an API key, else the account's SID.
    pub user: String,
    /// Their password: the key's secret, else the account's token.
    pub password: String,
}

/// How to ask Twilio.
#[derive(Clone)]
pub struct TwilioOptions {
    /// Scheme, host and port of the API.
    pub api_base: Url,
    /// The accounts we may read.
    pub accounts: Vec<Account>,
    /// Where redirects may lead besides the API's origin.
    pub redirects: Vec<Redirects>,
    /// Whether connections may go to addresses that are not public, although `api_base` is none.
    pub allow_private: bool,
    /// The container to ask for.
    pub format: Container,
    /// The channels to ask for; 2 falls back to 1 where the recording has only one.
    pub channels: u8,
}

impl TwilioOptions {
    /// Where a recording is, as callbacks and the API write it: without an extension.
    pub fn recording_url(&self, account_sid: &str, recording_sid: Sid) -> String {
        let base = self.api_base.as_str().trim_end_matches('/');
        format!("{base}/2010-04-01/Accounts/{account_sid}/Recordings/{recording_sid}")
    }
}

/// The source.
pub struct TwilioSource {
    options: TwilioOptions,
    egress: Egress,
    client: reqwest::Client,
}

impl TwilioSource {
    /// A source that has not connected to anything yet.
    pub fn new(options: TwilioOptions) -> Result<Self, SourceError> {
        let egress = Egress::new(&options.api_base, options.redirects.clone(), options.allow_private);
        let client = reqwest::Client::builder()
            .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
            // By hand: reqwest would follow them with whatever headers it deems safe.
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(egress.clone())
            // A proxy would resolve names by itself.
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(STALL)
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self { options, egress, client })
    }

    fn account(&self, sid: &str) -> Result<&Account, SourceError> {
        let known = self.options.accounts.iter().find(|account| account.sid == sid);
        known.ok_or_else(|| SourceError::Unauthorized(format!("no credentials are configured for account {sid}")))
    }

    fn url(&self, account: &Account, tail: &str) -> Result<Url, SourceError> {
        let path = format!("/2010-04-01/Accounts/{}/{tail}", account.sid);
        self.options.api_base.join(&path).map_err(|error| SourceError::Failed(error.to_string()))
    }

    /// Sends a GET, follows redirects, and turns every answer but a success into an error.
    async fn get(&self, account: &Account, url: Url) -> Result<Response, SourceError> {
        let origin = url.origin();
        let mut url = url;
        // Who was elsewhere may not send us back with our credentials.
        let mut at_home = true;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.client.get(url.clone());
            at_home &= url.origin() == origin;
            if at_home {
                request = request.basic_auth(&account.user, Some(&account.password));
            }
            let answer = request.send().await.map_err(|error| {
                telemetry::source_request("error");
                failed(&error)
            })?;
            telemetry::source_request(answer.status().as_str());
            if !answer.status().is_redirection() {
                return check(answer);
            }
            url = redirect(&url, &answer)?;
            self.egress.check(&url).map_err(refused)?;
        }
        Err(SourceError::Failed("too many redirects".into()))
    }

    /// Deletes one recording. Redirects are not followed: nobody but the API itself is asked to delete.
    async fn delete_one(&self, account: &Account, recording_sid: Sid) -> Result<(), SourceError> {
        let url = self.url(account, &format!("Recordings/{recording_sid}.json"))?;
        let request = self.client.delete(url).basic_auth(&account.user, Some(&account.password));
        let answer = request.send().await.map_err(|error| {
            telemetry::source_request("error");
            failed(&error)
        })?;
        telemetry::source_request(answer.status().as_str());
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(()),
            _ => match check(answer) {
                Ok(_) | Err(SourceError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }

    /// Why a recording's media is not there.
    async fn explain(&self, account: &Account, recording_sid: Sid) -> SourceError {
        let answer = match self.url(account, &format!("Recordings/{recording_sid}.json")) {
            Ok(mut url) => {
                url.query_pairs_mut().append_pair(SOFT_DELETED.0, SOFT_DELETED.1);
                self.get(account, url).await
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => {
                let at = said_at(&answer);
                match read::<Recording>(answer).await {
                    Ok(recording) => recording.verdict().err().unwrap_or(SourceError::NotFound { at }),
                    Err(error) => error,
                }
            }
            Err(error) => error,
        }
    }
}

#[async_trait]
impl Source for TwilioSource {
    async fn find(&self, account_sid: &str, call_sid: Sid) -> Result<Sid, SourceError> {
        let account = self.account(account_sid)?;
        let mut url = self.url(account, &format!("Calls/{call_sid}/Recordings.json"))?;
        url.query_pairs_mut().append_pair("PageSize", "1000").append_pair(SOFT_DELETED.0, SOFT_DELETED.1);
        let answer = self.get(account, url).await?;
        let list: List = read(answer).await?;
        list.first_completed()
    }

    async fn open(&self, account_sid: &str, recording_sid: Sid) -> Result<Download, SourceError> {
        let account = self.account(account_sid)?;
        let tail = format!("Recordings/{recording_sid}.{}", self.options.format.extension());
        let mut url = self.url(account, &tail)?;
        let plain = url.clone();
        url.query_pairs_mut().append_pair("RequestedChannels", &self.options.channels.to_string());
        let answer = match self.get(account, url).await {
            Err(SourceError::Failed(why)) if why == BAD_REQUEST => self.get(account, plain).await,
            answer => answer,
        };
        let answer = match answer {
            Err(SourceError::NotFound { .. }) => return Err(self.explain(account, recording_sid).await),
            answer => answer?,
        };
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if ["text/", "application/json", "application/xml"].iter().any(|foreign| kind.starts_with(foreign)) {
            return Err(SourceError::Failed(format!("the source sent {kind} instead of audio")));
        }
        let total = answer.content_length();
        if total.is_some_and(|total| total > MOST_BYTES) {
            return Err(SourceError::Failed("the source announces more than a recording can have".into()));
        }
        let mut came = 0;
        let body = answer.bytes_stream().map_err(|error| failed(&error)).map(move |chunk| {
            let chunk = chunk?;
            came += chunk.len() as u64;
            if came > MOST_BYTES {
                return Err(SourceError::Failed("the source sends without end".into()));
            }
            Ok(chunk)
        });
        Ok(Download { total, body: body.boxed() })
    }

    async fn delete(&self, account_sid: &str, sid: Sid) -> Result<(), SourceError> {
        let account = self.account(account_sid)?;
        if !sid.is_call() {
            return self.delete_one(account, sid).await;
        }
        let mut url = self.url(account, &format!("Calls/{sid}/Recordings.json"))?;
        url.query_pairs_mut().append_pair("PageSize", "1000");
        let list: List = match self.get(account, url).await {
            Err(SourceError::NotFound { .. }) => return Ok(()),
            answer => answer?.json().await.map_err(|error| failed(&error))?,
        };
        for recording in list.sids() {
            self.delete_one(account, recording).await?;
        }
        Ok(())
    }
}

/// What a 400 becomes; for media it means that two channels are not to be had.
const BAD_REQUEST: &str = "the source answers 400";

fn check(answer: Response) -> Result<Response, SourceError> {
    Err(match answer.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => return Ok(answer),
        StatusCode::NOT_FOUND | StatusCode::GONE => SourceError::NotFound { at: said_at(&answer) },
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            SourceError::Unauthorized(format!("the source refuses our credentials ({})", status.as_u16()))
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds = answer.headers().get(RETRY_AFTER).and_then(|s| s.to_str().ok()?.trim().parse().ok());
            SourceError::Busy { retry_after: seconds.map(Duration::from_secs).map(|d| d.min(MOST_PATIENCE)) }
        }
        StatusCode::BAD_REQUEST => SourceError::Failed(BAD_REQUEST.into()),
        status => SourceError::Failed(format!("the source answers {}", status.as_u16())),
    })
}

/// When the answer was made, by the clock of who made it (RFC 9110 §6.6.1); by ours, where it does not tell.
fn said_at(answer: &Response) -> Timestamp {
    let date = answer.headers().get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let since = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_millis()).ok()).map_or_else(Timestamp::now, Timestamp)
}

/// Where a redirect leads; never from TLS to plain text.
fn redirect(from: &Url, answer: &Response) -> Result<Url, SourceError> {
    let target = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let to = target.and_then(|target| from.join(target).ok());
    match to {
        Some(to) if to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http") => Ok(to),
        _ => Err(SourceError::Failed("the source redirects to nowhere we may go".into())),
    }
}

/// Reads a resource, and no more than one can have.
async fn read<T: DeserializeOwned>(mut answer: Response) -> Result<T, SourceError> {
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        text.extend_from_slice(&chunk);
        if text.len() > MOST_WORDS {
            return Err(SourceError::Failed("the source sends without end".into()));
        }
    }
    serde_json::from_slice(&text).map_err(|error| SourceError::Failed(format!("the source sent no resource: {error}")))
}

fn refused(refused: Refused) -> SourceError {
    telemetry::connection_refused(&refused.host, &refused.to_string());
    SourceError::Refused(refused.to_string())
}

/// An error of the client, without the URL: a redirect's URL may carry a signature.
fn failed(error: &reqwest::Error) -> SourceError {
    let mut text = if error.is_timeout() { "the source is silent".to_owned() } else { "the source failed".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(no) = inner.downcast_ref::<Refused>() {
            return refused(no.clone());
        }
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    SourceError::Failed(text)
}
