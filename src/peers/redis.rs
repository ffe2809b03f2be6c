//! Processes in Redis: a key for each that expires, and the list of their names. What is evicted is there again with the
//! next beat.

use std::sync::LazyLock;

use async_trait::async_trait;
use redis::Script;

use super::{Peer, Peers, PeersError};
use crate::broker::{Broker, BrokerError};

/// The names of processes, by when they were last heard of, in milliseconds of Redis' own clock.
const NAMES: &str = "landfall:peers";
/// Before the name of a process: what it says.
const WORD: &str = "landfall:peer:";
/// A process that has said nothing for so long, in milliseconds, is not there.
const PRESENT_FOR: u64 = 10_000;
/// Processes that are looked at: more are no deployment of ours.
const MOST: usize = 1000;

static ANNOUNCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local t = redis.call('TIME')
         local now = t[1] * 1000 + math.floor(t[2] / 1000)
         redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
         redis.call('ZADD', KEYS[1], now, ARGV[1])
         redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - ARGV[3])
         -- Heard of before the clock was put back: whoever is there says so again.
         redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ARGV[3], '+inf')
         redis.call('PEXPIRE', KEYS[1], ARGV[3])
         return 1",
    )
});

/// The deployment around one Redis.
pub struct RedisPeers(Broker);

impl RedisPeers {
    /// Over that connection.
    pub fn new(broker: Broker) -> Self {
        Self(broker)
    }
}

impl From<BrokerError> for PeersError {
    fn from(error: BrokerError) -> Self {
        Self(error.0)
    }
}

#[async_trait]
impl Peers for RedisPeers {
    async fn announce(&self, me: &Peer) -> Result<(), PeersError> {
        let word = serde_json::to_string(me).map_err(|error| PeersError(error.to_string()))?;
        let mut script = ANNOUNCE.prepare_invoke();
        script.key(NAMES).key(format!("{WORD}{}", me.id)).arg(&me.id).arg(word).arg(PRESENT_FOR);
        Ok(self.0.run(&script).await?)
    }

    async fn present(&self) -> Result<Vec<Peer>, PeersError> {
        let mut names = redis::cmd("ZREVRANGE");
        names.arg(NAMES).arg(0).arg(MOST - 1);
        let names: Vec<String> = self.0.ask(&names).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut words = redis::cmd("MGET");
        words.arg(names.iter().map(|name| format!("{WORD}{name}")).collect::<Vec<_>>());
        let words: Vec<Option<String>> = self.0.ask(&words).await?;
        // One of another version may say what we do not understand: it is not one of ours to judge.
        Ok(words.into_iter().flatten().filter_map(|word| serde_json::from_str(&word).ok()).collect())
    }

    async fn leave(&self, id: &str) -> Result<(), PeersError> {
        let mut gone = redis::cmd("DEL");
        gone.arg(format!("{WORD}{id}"));
        Ok(self.0.ask(&gone).await?)
    }
}
