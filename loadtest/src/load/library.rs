//! The recordings of a run: what each consists of, whose it is, and new ones. Knows no sessions.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::Failure;
use super::bytes::Content;
use super::plan::Load;
use super::simulator::SimulatorApi;
use super::target::Target;
use super::zipf::Zipf;
use crate::random::Random;
use crate::speech::Speech;

/// Recordings that are prepared side by side.
const PREPARED_AT_ONCE: usize = 8;

/// A recording whose every byte is known.
#[derive(Debug)]
pub(super) struct Recording {
    /// The call's SID, by which it is asked for.
    pub(super) sid: String,
    /// Its SID at the provider, where that is the simulator.
    pub(super) source_sid: Option<String>,
    /// Whose it is: a number for [`Target::tenant`].
    pub(super) tenant: usize,
    /// What it consists of.
    pub(super) content: Content,
    etag: Mutex<Option<String>>,
}

impl Recording {
    /// Whether this is the ETag that it has always had; the first one that is seen counts.
    pub(super) fn keeps_etag(&self, etag: &str) -> bool {
        let mut known = self.etag.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| etag.to_owned()) == etag
    }

    /// The path of its bytes.
    pub(super) fn path(&self) -> String {
        format!("/api/recordings/file/{}", self.sid)
    }
}

/// All of them.
pub(super) struct Library {
    known: Vec<Arc<Recording>>,
    popularity: Zipf,
    simulator: Option<SimulatorApi>,
    names: Mutex<Random>,
    made: AtomicU64,
    seconds: f64,
    seed: u64,
}

impl Library {
    /// An empty one.
    pub(super) fn new(load: &Load, simulator: Option<SimulatorApi>) -> Self {
        Self {
            known: Vec::new(),
            popularity: Zipf::new(0, load.zipf),
            simulator,
            // SIDs must be new to a server that has seen other runs.
            names: Mutex::new(Random::unpredictable()),
            made: AtomicU64::new(0),
            seconds: load.length.as_secs_f64(),
            seed: load.seed,
        }
    }

    /// Has recordings landed: new ones where there is a simulator, else those that the tenant has.
    pub(super) async fn fill(&mut self, load: &Load, target: &Target, client: &reqwest::Client) -> Result<(), Failure> {
        let known: Vec<Arc<Recording>> = if self.simulator.is_some() {
            let made = stream::iter(0..load.recordings).map(|_| async {
                let recording = self.fresh(target, client, false).await?;
                download(&recording, target, client, load.patience).await?;
                Ok::<_, Failure>(recording)
            });
            made.buffer_unordered(PREPARED_AT_ONCE).try_collect().await?
        } else {
            existing(load, target, client).await?
        };
        if known.is_empty() {
            return Err("there are no recordings: --recordings, or register some".into());
        }
        self.popularity = Zipf::new(known.len(), load.zipf);
        self.known = known;
        Ok(())
    }

    /// One that has landed, by popularity.
    pub(super) fn popular(&self, random: &mut Random) -> &Arc<Recording> {
        &self.known[self.popularity.pick(random)]
    }

    /// The simulator, for scenarios that cannot be without.
    pub(super) fn simulator(&self) -> Result<&SimulatorApi, Failure> {
        self.simulator.as_ref().ok_or_else(|| "this needs --spawn, or --secret and --simulator".into())
    }

    /// Whether new recordings can be made.
    pub(super) fn can_make(&self) -> bool {
        self.simulator.is_some()
    }

    /// A new one that is registered and not fetched; `held`: the provider gives it when it is released.
    pub(super) async fn fresh(
        &self,
        target: &Target,
        client: &reqwest::Client,
        held: bool,
    ) -> Result<Arc<Recording>, Failure> {
        let simulator = self.simulator()?;
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let sid = format!("CA{}", self.names.lock().unwrap_or_else(PoisonError::into_inner).hex32());
        // Every recording has other words, so that one mistaken for another is seen.
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(number);
        let source_sid = simulator.add(&sid, seed, self.seconds, held).await?;
        let tenant = usize::try_from(number).unwrap_or_default() % target.tenants();
        let service = target.service_token().ok_or("registering calls needs --secret")?;
        let body = json!({
            "tenant": target.tenant(tenant), "account_sid": simulator.account_sid(), "recording_sid": source_sid,
        });
        let request = client.put(target.url(&format!("/api/calls/{sid}"))).bearer_auth(service).json(&body);
        let answer = request.send().await?;
        if !answer.status().is_success() {
            return Err(format!("registering a call: {} {}", answer.status(), answer.text().await?).into());
        }
        let content = Content::Speech(Speech::shipped().call(seed, self.seconds));
        Ok(Arc::new(Recording { sid, source_sid: Some(source_sid), tenant, content, etag: Mutex::default() }))
    }
}

/// Reads the whole once; the bytes.
async fn download(
    recording: &Recording,
    target: &Target,
    client: &reqwest::Client,
    patience: Duration,
) -> Result<bytes::Bytes, Failure> {
    let url = target.url(&format!("{}?wait={}", recording.path(), patience.as_secs().clamp(1, 60)));
    let answer = client.get(url).bearer_auth(target.token(recording.tenant, 0)).send().await?;
    if answer.status() != 200 {
        return Err(format!("{} is not to be had: {} {}", recording.sid, answer.status(), answer.text().await?).into());
    }
    Ok(answer.bytes().await?)
}

/// What the tenant has that is ready, each read once: that is what it must stay.
async fn existing(load: &Load, target: &Target, client: &reqwest::Client) -> Result<Vec<Arc<Recording>>, Failure> {
    let url = target.url(&format!("/api/recordings?state=ready&limit={}", load.recordings.clamp(1, 100)));
    let request = client.get(url).bearer_auth(target.token(0, 0));
    let list: Value = request.send().await?.error_for_status()?.json().await?;
    let mut known = Vec::new();
    for sid in list["items"].as_array().into_iter().flatten().filter_map(|item| item["sid"].as_str()) {
        let content = Content::Bytes(bytes::Bytes::new());
        let unread = Recording { sid: sid.to_owned(), source_sid: None, tenant: 0, content, etag: Mutex::default() };
        let content = Content::Bytes(download(&unread, target, client, load.patience).await?);
        known.push(Arc::new(Recording { content, ..unread }));
    }
    Ok(known)
}
