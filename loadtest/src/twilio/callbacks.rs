//! Recording status callbacks: Twilio's fields, signed, and once more when they fail; knows no routes.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answers::date;
use super::recordings::{Entry, Recording};
use super::signature::{sign_form, sign_json};
use super::state::State;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// The first try and Twilio's default of one more.
const TRIES: u32 = 2;

/// A status callback to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// Where it is sent.
    pub url: String,
    /// What it is about.
    pub recording_sid: String,
    /// `in-progress`, `completed` or `absent`. The recording itself stays as it is.
    pub event: String,
    /// The URL that is signed, when the server is known to Twilio by another one than `url`.
    #[serde(default)]
    pub signed_url: Option<String>,
    /// JSON with `bodySHA256` instead of a form.
    #[serde(default)]
    pub json: bool,
    /// Signed with this token instead of the account's.
    #[serde(default)]
    pub auth_token: Option<String>,
}

impl Callback {
    /// A form, signed as it should be.
    pub fn new(url: &str, recording_sid: &str, event: &str) -> Self {
        let (url, recording_sid, event) = (url.to_owned(), recording_sid.to_owned(), event.to_owned());
        Self { url, recording_sid, event, signed_url: None, json: false, auth_token: None }
    }
}

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The HTTP status of the last try.
    pub status: u16,
    /// 1, or 2 after a failure.
    pub tries: u32,
}

/// Why a callback was not delivered.
#[derive(Debug)]
pub enum CallbackError {
    /// The simulator knows no such recording.
    UnknownRecording,
    /// There is no HTTP client (see the text).
    NoClient(String),
    /// Nothing answered, the second time either.
    Unanswered(reqwest::Error),
}

pub(super) fn client() -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT);
    builder
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("TwilioProxy/1.1")
        .build()
        .map_err(|error| error.to_string())
}

/// The fields of a callback about a recording, in Twilio's order.
pub(super) fn fields(base_url: &str, recording: &Recording, event: &str) -> Vec<(&'static str, String)> {
    let Recording { account_sid, recording_sid, .. } = recording;
    let mut fields = vec![
        ("AccountSid", account_sid.clone()),
        ("CallSid", recording.call_sid.clone()),
        ("RecordingSid", recording_sid.clone()),
        ("RecordingUrl", format!("{base_url}/2010-04-01/Accounts/{account_sid}/Recordings/{recording_sid}")),
        ("RecordingStatus", event.to_owned()),
        ("RecordingChannels", recording.channels.to_string()),
        ("RecordingStartTime", date(&recording.started_at)),
        ("RecordingSource", "DialVerb".to_owned()),
        ("RecordingTrack", "both".to_owned()),
    ];
    if event == "completed" {
        fields.push(("RecordingDuration", recording.duration_s.to_string()));
    }
    fields
}

pub(super) async fn send(state: &State, callback: &Callback) -> Result<Delivery, CallbackError> {
    let entry = state.entry(&callback.recording_sid).ok_or(CallbackError::UnknownRecording)?;
    let client = state.client.as_ref().map_err(|why| CallbackError::NoClient(why.clone()))?;
    let request = request(state, client, &entry, callback);
    let mut tries = 0;
    loop {
        tries += 1;
        state.count(Some(&entry), |stats| stats.callbacks += 1);
        let again = request.try_clone().expect("the body is in memory");
        match again.send().await {
            Ok(answer) if !answer.status().is_server_error() || tries == TRIES => {
                return Ok(Delivery { status: answer.status().as_u16(), tries });
            }
            Err(error) if tries == TRIES => return Err(CallbackError::Unanswered(error)),
            Ok(_) | Err(_) => tracing::debug!(url = callback.url, "the callback is sent again"),
        }
    }
}

fn request(state: &State, client: &reqwest::Client, entry: &Entry, callback: &Callback) -> reqwest::RequestBuilder {
    let recording = &entry.recording;
    let account_token =
        state.account(&recording.account_sid).map(|account| account.auth_token.as_str()).unwrap_or_default();
    let token = callback.auth_token.as_deref().unwrap_or(account_token);
    let signed_url = callback.signed_url.as_ref().unwrap_or(&callback.url);
    let fields = fields(&state.base_url, recording, &callback.event);
    let request = if callback.json {
        let object: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        let body = Value::Object(object).to_string();
        let (_, signature) = sign_json(token, signed_url, body.as_bytes());
        // The hash in the query belongs to the body, wherever it is sent.
        let (url, _) = sign_json(token, &callback.url, body.as_bytes());
        client.post(url).header(CONTENT_TYPE, "application/json").header("X-Twilio-Signature", signature).body(body)
    } else {
        client.post(&callback.url).header("X-Twilio-Signature", sign_form(token, signed_url, &fields)).form(&fields)
    };
    // Twilio's token is the same for a repetition, so that the receiver can recognise it.
    request.header("I-Twilio-Idempotency-Token", format!("{}-{}", state.random_hex(), Timestamp::now().as_second()))
}

impl std::fmt::Display for CallbackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownRecording => write!(f, "the simulator knows no such recording"),
            Self::NoClient(why) => write!(f, "no HTTP client: {why}"),
            Self::Unanswered(error) => write!(f, "nothing answered the callback: {error}"),
        }
    }
}

impl std::error::Error for CallbackError {}
