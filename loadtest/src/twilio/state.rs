//! What the handlers share: accounts, recordings, faults and numbers; knows no HTTP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::faults::{Faults, Used};
use super::options::{Account, Options};
use super::recordings::{Entry, Gate, NewRecording, Recording, Store};
use super::stats::Stats;
use crate::random::Random;

/// Calls whose lists are counted even though they have no recordings; beyond that, only the totals count.
const MAX_COUNTED_CALLS: usize = 1_000_000;

pub(super) struct State {
    pub(super) options: Options,
    pub(super) address: SocketAddr,
    pub(super) base_url: String,
    pub(super) foreign_url: String,
    pub(super) stop: CancellationToken,
    pub(super) totals: watch::Sender<Stats>,
    /// Without root certificates there is no client; that only matters once a callback is to be sent.
    pub(super) client: Result<reqwest::Client, String>,
    store: Mutex<Store>,
    random: Mutex<Random>,
    global: Mutex<Faults>,
    /// Counts global faults for requests that belong to no recording.
    unowned: Mutex<Used>,
    lists: Mutex<HashMap<String, u64>>,
    in_flight: Mutex<HashMap<String, u32>>,
    next: AtomicU64,
}

impl State {
    pub(super) fn new(options: Options, address: SocketAddr, foreign: SocketAddr) -> Self {
        let url = |given: &Option<String>, address| match given {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{address}"),
        };
        Self {
            address,
            base_url: url(&options.base_url, address),
            foreign_url: url(&options.foreign_url, foreign),
            stop: CancellationToken::new(),
            totals: watch::Sender::new(Stats::default()),
            client: super::callbacks::client(),
            store: Mutex::default(),
            random: Mutex::new(options.seed.map_or_else(Random::unpredictable, Random::seeded)),
            global: Mutex::default(),
            unowned: Mutex::default(),
            lists: Mutex::default(),
            in_flight: Mutex::default(),
            next: AtomicU64::new(1),
            options,
        }
    }

    pub(super) fn account(&self, sid: &str) -> Option<&Account> {
        self.options.accounts.iter().find(|account| account.sid == sid)
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(super) fn random_hex(&self) -> String {
        lock(&self.random).hex32()
    }

    pub(super) fn entry(&self, recording_sid: &str) -> Option<Arc<Entry>> {
        self.store().get(recording_sid)
    }

    /// Adds a recording; the error is for a person to read.
    pub(super) fn add(&self, new: NewRecording) -> Result<Recording, String> {
        let mut random = Random::seeded(lock(&self.random).draw());
        let audio = new
            .audio
            .unwrap_or_else(|| self.options.speech.call(new.seed.unwrap_or_else(|| random.draw()), new.seconds));
        let length = audio.duration();
        let account_sid = new.account_sid.unwrap_or_else(|| self.options.accounts[0].sid.clone());
        if self.account(&account_sid).is_none() {
            return Err(format!("there is no account {account_sid}"));
        }
        // Numbers from the range that is kept free for fiction.
        let mut number =
            || format!("+1{}555{:04}", [202, 305, 415, 512, 617][random.below(5) as usize], random.between(100, 199));
        let (from, to) = (number(), number());
        let recording = Recording {
            account_sid,
            call_sid: new.call_sid.unwrap_or_else(|| format!("CA{}", random.hex32())),
            recording_sid: new.recording_sid.unwrap_or_else(|| format!("RE{}", random.hex32())),
            from: new.from.unwrap_or(from),
            to: new.to.unwrap_or(to),
            started_at: new
                .started_at
                .unwrap_or_else(|| Timestamp::now() - SignedDuration::from_secs_f64(length.as_secs_f64())),
            duration_s: length.as_secs_f64().round() as u64,
            duration_ms: length.as_millis() as u64,
            channels: new.channels.clamp(1, 2),
        };
        let entry = Entry::new(
            self.next.fetch_add(1, Ordering::Relaxed),
            recording.clone(),
            audio,
            new.held,
            new.status,
            new.faults,
        );
        let mut store = self.store();
        if store.get(&recording.recording_sid).is_some() {
            return Err(format!("there is a recording {} already", recording.recording_sid));
        }
        store.insert(entry);
        Ok(recording)
    }

    pub(super) fn set_faults(&self, recording_sid: &str, faults: Option<Faults>) -> Option<()> {
        let entry = self.entry(recording_sid)?;
        let mut script = entry.script();
        script.faults = faults;
        script.used = Used::default();
        entry.gate.send_modify(|gate| gate.rest_of_body = false);
        Some(())
    }

    pub(super) fn set_global_faults(&self, faults: Faults) {
        *lock(&self.global) = faults;
        *lock(&self.unowned) = Used::default();
        for entry in self.store().newest(None, u64::MAX) {
            let mut script = entry.script();
            if script.faults.is_none() {
                script.used = Used::default();
                entry.gate.send_modify(|gate| gate.rest_of_body = false);
            }
        }
    }

    pub(super) fn global_faults(&self) -> Faults {
        lock(&self.global).clone()
    }

    /// The faults of a recording (or those of all), and a decision that counts against them.
    pub(super) fn decide<T>(
        &self,
        entry: Option<&Entry>,
        decision: impl FnOnce(&Faults, &mut Used) -> T,
    ) -> (Faults, T) {
        let Some(entry) = entry else {
            let faults = self.global_faults();
            let decided = decision(&faults, &mut lock(&self.unowned));
            return (faults, decided);
        };
        let mut script = entry.script();
        let faults = script.faults.clone().unwrap_or_else(|| self.global_faults());
        let decided = decision(&faults, &mut script.used);
        (faults, decided)
    }

    pub(super) fn gate(&self, recording_sid: &str, open: bool) -> Option<()> {
        let gate = Gate { headers: open, rest_of_body: open };
        self.entry(recording_sid)?.gate.send_replace(gate);
        Some(())
    }

    /// Counts in the totals, and for the recording if there is one.
    pub(super) fn count(&self, entry: Option<&Entry>, change: impl Fn(&mut Stats)) {
        if let Some(entry) = entry {
            entry.stats.send_modify(&change);
        }
        self.totals.send_modify(change);
    }

    pub(super) fn count_list(&self, call_sid: &str) {
        let mut lists = lock(&self.lists);
        if lists.len() < MAX_COUNTED_CALLS || lists.contains_key(call_sid) {
            *lists.entry(call_sid.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn lists_of(&self, call_sid: &str) -> u64 {
        lock(&self.lists).get(call_sid).copied().unwrap_or_default()
    }

    /// One more (or less) media request of the account is on its way; answers how many there are.
    pub(super) fn in_flight(&self, account_sid: &str, more: bool) -> u32 {
        let mut all = lock(&self.in_flight);
        let count = all.entry(account_sid.to_owned()).or_default();
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
        *count
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
