//! Who of several servers does what one of them should do: a lock in Redis that expires. Knows no task.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use redis::Script;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Broker;

const KEY: &str = "landfall:leader";
/// Without a word from its holder, the lock is free after that.
const HELD_FOR: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(4);

static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local holder = redis.call('GET', KEYS[1])
         if holder and holder ~= ARGV[1] then return 0 end
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
         return 1",
    )
});
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1")
});

/// Whether this process does what one of all should do. Two at once do no harm, only the same thing twice: the lock
/// may be evicted, and its holder may be stopped for longer than it lasts.
#[derive(Clone)]
pub struct Leader(Arc<Mutex<Option<Instant>>>);

impl Leader {
    /// There is no other process.
    pub fn alone() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    /// Stands for election until told to stop, and steps down then.
    pub fn elect(broker: &Broker, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        // No lead yet: it begins, and ends, with the answer of Redis.
        let until = Arc::new(Mutex::new(Some(Instant::now())));
        let (broker, stop, leads) = (broker.clone(), stop.clone(), until.clone());
        tasks.spawn(async move {
            let me = uuid::Uuid::new_v4().simple().to_string();
            loop {
                let asked = Instant::now();
                let held = HELD_FOR.as_millis() as u64;
                let took = broker.run::<bool>(TAKE.key(KEY).arg(&me).arg(held)).await;
                if took.unwrap_or(false) {
                    *leads.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked + HELD_FOR);
                }
                if stop.run_until_cancelled(tokio::time::sleep(RENEW_EVERY)).await.is_none() {
                    // Where this is not heard, the lock expires.
                    let _ = broker.run::<bool>(RELEASE.key(KEY).arg(&me)).await;
                    return;
                }
            }
        });
        Self(until)
    }

    /// Whether it is this process's turn now.
    pub fn leads(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| Instant::now() < until)
    }
}
