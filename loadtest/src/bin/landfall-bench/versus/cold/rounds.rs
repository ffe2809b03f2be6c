//! One round of each kind of client: they ask, and have all bytes at the end; knows not what is made of the times.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use loadtest::client::{Crowd, Got, Listeners};
use loadtest::measure::arrivals::Arrivals;
use loadtest::measure::{Samples, clock};
use loadtest::server::Server;
use loadtest::speech::Audio;
use loadtest::twilio::Faults;

use super::{BYTES_PER_SECOND, LATENCY};
use crate::calls;
use crate::listen::{subscribe, until_each_is_ready};
use crate::provider::Provider;
use crate::versus::origin::Origin;
use crate::versus::peers::Peer;

/// All is over by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a round saw.
pub(super) struct Round {
    /// Requests for the media at the origin.
    pub(super) fetches: u64,
    /// When the first client asked.
    pub(super) asked: Instant,
    /// When the origin handed its last byte to the connection.
    pub(super) ended: Instant,
    /// When the file got its name, as a thread of ours learnt it.
    pub(super) landed: Option<Instant>,
    /// When the last socket heard `ready`.
    pub(super) ready: Option<Instant>,
    /// When the bytes came to each client.
    pub(super) got: Vec<Got>,
}

impl Round {
    /// From the one moment to each of the others.
    pub(super) fn since(&self, from: Instant, to: impl Iterator<Item = Instant>) -> Samples {
        let mut samples = Samples::default();
        to.for_each(|to| samples.push(to.saturating_duration_since(from)));
        samples
    }
}

/// The server, its provider, and what that has.
pub(super) struct Landfall<'a> {
    pub(super) server: &'a Server,
    pub(super) provider: &'a Provider,
    pub(super) audio: &'a Arc<Audio>,
    pub(super) content: &'a [u8],
}

impl Landfall<'_> {
    /// A call that the server knows and has not played: its SID, and its recording's at the provider.
    fn call(&self, seed: u64) -> io::Result<(String, String)> {
        let sid = calls::sids(seed, 1).remove(0);
        let slow =
            Faults { latency_ms: LATENCY.as_millis() as u64, bytes_per_second: BYTES_PER_SECOND, ..Faults::default() };
        let recording = self.provider.add(&sid, self.audio, slow);
        self.server.register(&[(sid.clone(), Some(recording.clone()))])?;
        Ok((sid, recording))
    }
}

/// Clients subscribe on sockets, and each fetches when its own has said `ready`.
pub(super) fn by_sockets(landfall: &Landfall<'_>, clients: usize, seed: u64) -> Result<Round, Box<dyn Error>> {
    let (sid, recording) = landfall.call(seed)?;
    let (address, token) = (landfall.server.address(), landfall.server.token("agent"));
    let mut listeners = Listeners::new()?;
    for _ in 0..clients {
        listeners.web_socket(address, &token)?;
    }
    let crowd = Crowd::connect(address, &format!("/api/recordings/file/{sid}"), Some(&token), clients)?;
    let arrivals = Arrivals::of(&landfall.server.volume())?;
    let sids = vec![sid.clone(); clients];
    thread::scope(|scope| {
        let sent = scope.spawn(|| landfall.provider.until_sent(&recording));
        let landed = scope.spawn(|| arrivals.collect(1, PATIENCE));
        let reading = scope.spawn(|| crowd.read(landfall.content));
        let asked = clock::now();
        subscribe(&mut listeners, &sids, "play")?;
        let ready = until_each_is_ready(&mut listeners, &sids, |index| crowd.ask(index))?;
        let got = outcome(reading)?;
        if ready.len() != clients || ready.iter().any(Option::is_none) {
            return Err("not every socket heard ready".into());
        }
        Ok(Round {
            fetches: landfall.provider.asked(&recording),
            asked,
            ended: outcome(sent)?,
            landed: outcome(landed)?.get(&sid).copied(),
            ready: ready.into_iter().flatten().max(),
            got,
        })
    })
}

/// Clients send one request each, which the server holds until it can answer.
pub(super) fn by_held_requests(landfall: &Landfall<'_>, clients: usize, seed: u64) -> Result<Round, Box<dyn Error>> {
    let (sid, recording) = landfall.call(seed)?;
    let (address, token) = (landfall.server.address(), landfall.server.token("agent"));
    let crowd = Crowd::connect(address, &format!("/api/recordings/file/{sid}?wait=30"), Some(&token), clients)?;
    thread::scope(|scope| {
        let sent = scope.spawn(|| landfall.provider.until_sent(&recording));
        let asked = clock::now();
        crowd.ask_all()?;
        let got = crowd.read(landfall.content)?;
        let ended = outcome(sent)?;
        Ok(Round { fetches: landfall.provider.asked(&recording), asked, ended, landed: None, ready: None, got })
    })
}

/// Clients ask a cache.
pub(super) fn through(
    cache: &Peer,
    origin: &Origin,
    content: &[u8],
    clients: usize,
    round: u64,
) -> Result<Round, Box<dyn Error>> {
    let crowd = Crowd::connect(cache.address(), &format!("/media/{round}.mp3"), None, clients)?;
    // What it saw of others' rounds is over.
    origin.seen();
    let asked = clock::now();
    crowd.ask_all()?;
    let got = crowd.read(content)?;
    let seen = origin.seen();
    let ended = seen.ended.ok_or("the origin was not asked to the end")?;
    Ok(Round { fetches: seen.requests, asked, ended, landed: None, ready: None, got })
}

fn outcome<T, E>(thread: ScopedJoinHandle<'_, Result<T, E>>) -> Result<T, E> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
