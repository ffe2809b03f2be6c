//! The demo's call centre: calls come in, some are announced by the provider, some wait until somebody plays them.

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Simulator, Status};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::recording::Timestamp;

/// From one call to the next.
const EVERY: Duration = Duration::from_secs(8);
/// How long the provider makes a recording.
const PROCESSING: Duration = Duration::from_secs(3);
/// Calls that are there at the first start.
const AT_FIRST: u32 = 14;
/// A line slow enough to see a download come on, in bytes per second.
const SLOW: u64 = 90_000;

const TITLES: [&str; 8] = [
    "Invoice question",
    "שיחת מכירה – חבילה עסקית",
    "Delivery is late",
    "בירור חיוב",
    "New subscription",
    "תמיכה טכנית",
    "Cancellation",
    "תיאום התקנה",
];
const DIRECTIONS: [&str; 2] = ["inbound", "outbound"];

/// How a call's recording comes to us.
#[derive(Clone, Copy)]
enum Fate {
    /// The provider announces it: it lands before anybody asks.
    Announced,
    /// Nobody announces it: the first play fetches it, over a slow line.
    OnPlay,
    /// It is announced before its media can be had: the first tries fail.
    Late,
}

pub(super) struct Calls {
    client: Client,
    url: String,
    service: String,
    admin: String,
}

impl Calls {
    pub fn new(url: &str, service: String, admin: String) -> Result<Self, String> {
        let client = Client::builder().timeout(Duration::from_secs(30)).build().map_err(|error| error.to_string())?;
        Ok(Self { client, url: url.to_owned(), service, admin })
    }

    /// Calls come until this is dropped; it ends only when the server refuses one.
    pub async fn keep_coming(&self, simulator: &Simulator) -> String {
        let first = async {
            if !self.take_up(simulator).await? {
                for n in 0..AT_FIRST {
                    let ago = Duration::from_secs(u64::from(AT_FIRST - n) * 2700);
                    self.call(simulator, n, ago, Duration::ZERO).await?;
                }
            }
            Ok::<_, String>(())
        };
        if let Err(why) = first.await {
            return why;
        }
        let mut ticks = tokio::time::interval(EVERY);
        for n in AT_FIRST.. {
            ticks.tick().await;
            if let Err(why) = self.call(simulator, n, Duration::ZERO, PROCESSING).await {
                return why;
            }
        }
        String::new()
    }

    /// The provider of this start has never heard of the last one's calls: those that have not landed are told to it.
    /// Whether there were any calls.
    async fn take_up(&self, simulator: &Simulator) -> Result<bool, String> {
        let (mut cursor, mut any) = (String::new(), false);
        loop {
            let request = self.request(Method::GET, &format!("/api/recordings?limit=200{cursor}"), &self.admin);
            let answer = request.send().await.and_then(reqwest::Response::error_for_status);
            let page: Value = answer.map_err(|e| e.to_string())?.json().await.map_err(|e| e.to_string())?;
            for item in page["items"].as_array().into_iter().flatten() {
                any = true;
                let text = |name: &str| item[name].as_str().map(str::to_owned);
                if item["state"] == "ready" || item["state"] == "gone" {
                    continue;
                }
                simulator.add(NewRecording {
                    call_sid: text("call_sid"),
                    recording_sid: text("recording_sid"),
                    seconds: item["duration_ms"].as_f64().unwrap_or(60_000.0) / 1000.0,
                    ..Default::default()
                });
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(any),
            }
        }
    }

    async fn call(&self, simulator: &Simulator, n: u32, ago: Duration, processing: Duration) -> Result<(), String> {
        let seconds = rand::random_range(20..150);
        let fate =
            [Fate::Announced, Fate::Announced, Fate::OnPlay, Fate::Announced, Fate::Late, Fate::OnPlay][n as usize % 6];
        let faults = match fate {
            Fate::Announced => Faults::default(),
            Fate::OnPlay => Faults { bytes_per_second: SLOW, ..Default::default() },
            Fate::Late => Faults { not_found: 2, ..Default::default() },
        };
        let recording = simulator.add(NewRecording {
            seconds: f64::from(seconds),
            status: Status::Processing,
            faults: Some(faults),
            ..Default::default()
        });
        let call = json!({
            "tenant": super::TENANT,
            "account_sid": recording.account_sid,
            "started_at": Timestamp(Timestamp::now().0 - ago.as_millis() as i64).to_string(),
            "duration_s": seconds,
            "from": number(),
            "to": number(),
            "direction": DIRECTIONS[n as usize % DIRECTIONS.len()],
            "title": TITLES[n as usize % TITLES.len()],
        });
        let path = format!("/api/calls/{}", recording.call_sid);
        let answer = self.request(Method::PUT, &path, &self.service).json(&call).send().await;
        answer.and_then(reqwest::Response::error_for_status).map_err(|error| error.to_string())?;
        tokio::time::sleep(processing).await;
        simulator.set_status(&recording.recording_sid, Status::Completed);
        if !matches!(fate, Fate::OnPlay) {
            let callback = format!("{}/webhooks/twilio/recording-status", self.url);
            let sent = simulator.callback(&callback, &recording.recording_sid, "completed").await;
            sent.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }
}

fn number() -> String {
    format!("+97250{:07}", rand::random_range(0..10_000_000))
}
