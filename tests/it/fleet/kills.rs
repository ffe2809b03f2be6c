//! Servers and workers are killed at random moments of a batch. A seed makes the moments and the victims; what a run
//! has found is repeated by `LANDFALL_SEED`.

use std::net::SocketAddr;
use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording, Recording};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use super::bench;
use crate::support::{Bench, Crowd, Process, Setting, TOLD_WITHIN, free, toll};

const BATCH: usize = 60;
const KILLS: usize = 8;

/// A place in the fleet; whoever is killed there is started again.
struct Place {
    is_server: bool,
    address: SocketAddr,
    process: Process,
}

impl Place {
    async fn fill(bench: &Bench, is_server: bool) -> Self {
        let address = free();
        let mut process = start(bench, is_server, address);
        process.ready(address).await;
        Self { is_server, address, process }
    }

    async fn kill(&mut self, bench: &Bench) {
        self.process.kill_in_place().await;
        // Where it was: listeners know that address.
        self.process = start(bench, self.is_server, self.address);
    }
}

fn start(bench: &Bench, is_server: bool, address: SocketAddr) -> Process {
    let more: [Setting; 1] = [("LANDFALL_WORKER__PER_TENANT", "8".into())];
    if is_server { Process::server_at(bench, address, &more) } else { Process::worker_at(bench, address, &more) }
}

async fn batch(bench: &Bench, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    println!("LANDFALL_SEED={seed}");
    let mut places = Vec::new();
    for is_server in [true, true, false, false] {
        places.push(Place::fill(bench, is_server).await);
    }
    let urls: Vec<String> = places[..2].iter().map(|place| format!("http://{}", place.address)).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut recordings: Vec<Recording> = Vec::new();
    for _ in 0..BATCH {
        // Half a second each, so that most deaths fall into a download.
        let faults = Faults { bytes_per_second: 400_000, ..Default::default() };
        let new = NewRecording { seconds: 60.0, faults: Some(faults), ..Default::default() };
        recordings.push(bench.registered("t", new).await);
    }
    let crowd = Crowd::of(&urls, recordings.iter().map(|recording| &recording.call_sid));
    for _ in 0..KILLS {
        sleep(Duration::from_millis(random.random_range(50..1200))).await;
        let victim = random.random_range(0..places.len());
        places[victim].kill(bench).await;
    }
    let over = Instant::now();
    let told = crowd.told(TOLD_WITHIN).await.saturating_duration_since(over);
    let all: Vec<&Recording> = recordings.iter().collect();
    toll(bench, "8 kills -9 of 2 servers and 2 workers, 60 recordings", &all, told).await;
    for place in places {
        assert!(place.process.terminate().await.success());
    }
}

#[tokio::test]
async fn servers_and_workers_killed_at_random_moments_of_a_batch_lose_nothing() {
    let bench = bench().await;
    let seed = std::env::var("LANDFALL_SEED").ok().map(|seed| seed.parse().expect("a number"));
    batch(&bench, seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000))).await;
}
