//! Signals through a real Redis, from one process to another.

use loadtest::redis::Redis;
use tokio::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

use super::*;
use crate::recording::{Code, Sid};
use crate::secret::Secret;

struct Bench {
    redis: Redis,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// One process: where it sends, and what it hears of others.
struct Process {
    signals: RedisSignals,
    hears: mpsc::Receiver<Signal>,
    resumed: Resumed,
}

impl Bench {
    fn new() -> Self {
        Self { redis: Redis::start().unwrap(), tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    async fn process(&self) -> Process {
        let broker = Broker::new(&Secret::new(&self.redis.url())).unwrap();
        broker.start(&self.tasks, &self.stop).await;
        let (here, hears, to) = LocalSignals::shared();
        let (signals, publisher) = RedisSignals::new(broker.clone(), Some(here));
        let resumed = Resumed::default();
        let listening = listen(broker, publisher.name(), to, resumed.clone());
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(listening));
        self.tasks.spawn(publisher.run(self.stop.clone()));
        resumed.notified().await;
        Process { signals, hears, resumed }
    }
}

fn sid(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

async fn nothing_more(process: &mut Process) -> bool {
    tokio::time::timeout(Duration::from_millis(100), process.hears.recv()).await.is_err()
}

#[tokio::test]
async fn each_process_hears_what_is_sent_once_and_the_sender_too() {
    let bench = Bench::new();
    let (mut one, mut other) = (bench.process().await, bench.process().await);
    one.signals.send(Signal::GivenUp(sid(1), Code::DiskFull));
    for process in [&mut one, &mut other] {
        assert!(matches!(process.hears.recv().await, Some(Signal::GivenUp(at, Code::DiskFull)) if at == sid(1)));
        assert!(nothing_more(process).await);
    }
}

#[tokio::test]
async fn sending_never_waits_and_after_an_outage_everything_is_looked_at() {
    let mut bench = Bench::new();
    let (one, mut other) = (bench.process().await, bench.process().await);
    bench.redis.kill().unwrap();
    let begun = Instant::now();
    for n in 0..10_000 {
        one.signals.send(Signal::Landed(sid(n), None));
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    bench.redis.restart().unwrap();
    tokio::time::timeout(Duration::from_secs(5), other.resumed.notified()).await.expect("it is told to look");
    one.resumed.notified().await;
    while other.hears.try_recv().is_ok() {}
    while nothing_more(&mut other).await {
        one.signals.send(Signal::Landed(sid(1), None));
    }
}

#[tokio::test]
async fn a_signal_is_with_another_process_within_milliseconds() {
    let bench = Bench::new();
    let (one, mut other) = (bench.process().await, bench.process().await);
    let mut took = Vec::new();
    for n in 0..300 {
        let sent = Instant::now();
        one.signals.send(Signal::Landed(sid(n), None));
        other.hears.recv().await.unwrap();
        took.push(sent.elapsed());
    }
    took.sort();
    let (half, most) = (took[150], took[296]);
    println!("p50 {half:?}, p99 {most:?}");
    assert!(half < Duration::from_millis(5), "{half:?}");
}
