//! A simulator with a client that knows its credentials.

use loadtest::twilio::{Faults, NewRecording, Options, Recording, Simulator};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde_json::Value;

pub struct Bench {
    pub simulator: Simulator,
    pub client: Client,
}

impl Bench {
    pub async fn start() -> Self {
        let simulator = Simulator::start(Options::default()).await.expect("a free port");
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        Self { simulator, client }
    }

    pub fn add(&self) -> Recording {
        self.simulator.add(NewRecording { seconds: 5.0, ..Default::default() })
    }

    pub fn add_with(&self, faults: Faults) -> Recording {
        self.simulator.add(NewRecording { seconds: 5.0, faults: Some(faults), ..Default::default() })
    }

    pub fn url(&self, rest: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}/{rest}", self.simulator.base_url(), self.simulator.account().sid)
    }

    pub fn request(&self, method: reqwest::Method, rest: &str) -> RequestBuilder {
        let account = self.simulator.account();
        self.client.request(method, self.url(rest)).basic_auth(&account.sid, Some(&account.auth_token))
    }

    pub async fn get(&self, rest: &str) -> Response {
        self.request(reqwest::Method::GET, rest).send().await.expect("an answer")
    }

    pub async fn json(&self, rest: &str) -> Value {
        self.get(rest).await.json().await.expect("JSON")
    }

    pub async fn mp3(&self, recording: &Recording) -> Response {
        self.get(&format!("Recordings/{}.mp3", recording.recording_sid)).await
    }

    /// The media, as long as the connection lasts: what came, and whether it ended well.
    pub async fn body(&self, recording: &Recording) -> (Vec<u8>, bool) {
        drain(self.mp3(recording).await).await
    }
}

pub async fn drain(mut response: Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) => return (body, true),
            Err(_) => return (body, false),
        }
    }
}
