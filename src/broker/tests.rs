//! A real Redis that goes and comes: what holds for everybody who asks it.

use std::sync::{Arc, Mutex};

use loadtest::redis::Redis;
use tokio::time::Instant;

use super::*;

struct Bench {
    redis: Redis,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Bench {
    fn new() -> Self {
        Self { redis: Redis::start().unwrap(), tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    async fn broker(&self) -> Broker {
        let broker = Broker::new(&Secret::new(&self.redis.url())).unwrap();
        broker.start(&self.tasks, &self.stop).await;
        broker
    }
}

async fn until(within: Duration, wish: impl Fn() -> bool) {
    let begun = Instant::now();
    while !wish() {
        assert!(begun.elapsed() < within, "in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn one_leads_and_another_follows_when_it_steps_down() {
    let bench = Bench::new();
    let (first_stop, broker) = (CancellationToken::new(), bench.broker().await);
    let first = Leader::elect(&broker, &bench.tasks, &first_stop);
    until(Duration::from_secs(1), || first.leads()).await;
    let second = Leader::elect(&bench.broker().await, &bench.tasks, &bench.stop);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(first.leads() && !second.leads());
    first_stop.cancel();
    until(Duration::from_secs(6), || second.leads()).await;
    assert!(Leader::alone().leads());
}

#[tokio::test]
async fn who_listens_is_told_when_it_may_have_missed_something() {
    let mut bench = Bench::new();
    let broker = bench.broker().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let (listens, hears) = (broker.clone(), told.clone());
    let listening = bench.stop.clone().run_until_cancelled_owned(async move {
        let heard = |heard: Heard<'_>| {
            hears.lock().unwrap().push(match heard {
                Heard::Connected => "connected".to_owned(),
                Heard::Message(text) => String::from_utf8(text.to_vec()).unwrap(),
            })
        };
        listens.listen("channel", heard).await;
    });
    bench.tasks.spawn(listening);
    until(Duration::from_secs(2), || told.lock().unwrap().len() == 1).await;
    broker.publish("channel", &["one".into(), "two".into()]).await.unwrap();
    until(Duration::from_secs(1), || told.lock().unwrap().len() == 3).await;
    bench.redis.kill().unwrap();
    assert!(broker.publish("channel", &["lost".into()]).await.is_err());
    bench.redis.restart().unwrap();
    until(Duration::from_secs(5), || told.lock().unwrap().len() == 4).await;
    assert_eq!(*told.lock().unwrap(), ["connected", "one", "two", "connected"]);
}

#[tokio::test]
async fn a_redis_that_hangs_is_noticed_and_found_again() {
    let bench = Bench::new();
    let broker = bench.broker().await;
    bench.redis.pause().unwrap();
    let begun = Instant::now();
    assert!(broker.check().await.is_err() && broker.check().await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    bench.redis.resume().unwrap();
    while broker.check().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(8));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_password_is_in_no_error() {
    let redis = Redis::start().unwrap();
    let places =
        ["127.0.0.1:1".into(), "nowhere.invalid".into(), "127.0.0.1:1/x".into(), format!("127.0.0.1:{}", redis.port())];
    // The last of them speaks no TLS, and knows no password.
    for url in places.iter().flat_map(|at| ["redis", "rediss"].map(|scheme| format!("{scheme}://:hunter2@{at}"))) {
        let why = match Broker::new(&Secret::new(&url)) {
            Ok(broker) => broker.connect().await.map(drop).unwrap_err(),
            Err(error) => error,
        };
        assert!(!why.to_string().contains("hunter2"), "{why}");
    }
}
