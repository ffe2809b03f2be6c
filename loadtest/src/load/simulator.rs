//! The simulated provider as another process scripts it: adds recordings, holds them, lets them go.

use serde_json::{Value, json};

use super::Failure;

/// A simulator at a URL.
#[derive(Clone, Debug)]
pub(super) struct SimulatorApi {
    base: String,
    account_sid: String,
    client: reqwest::Client,
}

impl SimulatorApi {
    /// Asks it for its account.
    pub(super) async fn connect(base: &str, client: reqwest::Client) -> Result<Self, Failure> {
        let base = base.trim_end_matches('/').to_owned();
        let overview: Value = client.get(format!("{base}/_sim/")).send().await?.error_for_status()?.json().await?;
        let account_sid = overview["accounts"][0].as_str().ok_or("the simulator tells no account")?.to_owned();
        Ok(Self { base, account_sid, client })
    }

    /// Whose recordings they are.
    pub(super) fn account_sid(&self) -> &str {
        &self.account_sid
    }

    /// Adds a recording of a call; its own SID.
    pub(super) async fn add(&self, call: &str, seed: u64, seconds: f64, held: bool) -> Result<String, Failure> {
        let body = json!({"call_sid": call, "seed": seed, "seconds": seconds, "channels": 2, "held": held});
        let request = self.client.post(format!("{}/_sim/recordings", self.base)).json(&body);
        let added: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(added["recording_sid"].as_str().ok_or("the simulator names no recording")?.to_owned())
    }

    /// Lets a held one go.
    pub(super) async fn release(&self, recording: &str) -> Result<(), Failure> {
        let url = format!("{}/_sim/recordings/{recording}/release", self.base);
        self.client.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    /// How often the media of a recording was asked for.
    pub(super) async fn fetches(&self, recording: &str) -> Result<u64, Failure> {
        let url = format!("{}/_sim/recordings/{recording}", self.base);
        let told: Value = self.client.get(url).send().await?.error_for_status()?.json().await?;
        told["stats"]["media_requests"].as_u64().ok_or_else(|| "the simulator tells no requests".into())
    }
}
