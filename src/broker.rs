//! Redis, as those who need it see it: a connection that comes back by itself, scripts, messages and a lock. Knows
//! neither jobs nor signals.

mod leader;
mod listen;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError, ScriptInvocation,
};
use tokio::sync::watch;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::secret::Secret;

pub use leader::Leader;
pub use listen::Heard;

/// Longest wait for an answer: a script takes microseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// From one look whether it still answers to the next.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Between two tries to connect: of every process, so no less.
const CONNECT_EVERY: Duration = Duration::from_millis(250);

/// Redis did not answer, or not as it should. Never holds the URL, which may have a password in it.
#[derive(Debug)]
pub struct BrokerError(pub String);

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BrokerError {}

/// A Redis; clones share one connection. While there is none, every question fails at once, so that many questions do
/// not add up to a long wait; one task sees to the next connection.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    client: Client,
    connection: watch::Sender<Option<Numbered>>,
    database: i64,
}

/// A connection and its number: what failed on one says nothing of the next.
#[derive(Clone)]
struct Numbered(u64, MultiplexedConnection);

impl Broker {
    /// The Redis at that URL (`redis://` or `rediss://`); fails only where it is no such URL.
    pub fn new(url: &Secret) -> Result<Self, BrokerError> {
        let bad = |_: RedisError| BrokerError("it is no URL of a Redis".into());
        let info = url.reveal().into_connection_info().map_err(bad)?;
        let database = info.redis_settings().db();
        let client = Client::open(info).map_err(bad)?;
        Ok(Self(Arc::new(Inner { client, connection: watch::channel(None).0, database })))
    }

    /// Keeps a connection until told to stop. Returns when the first stands, or could not be had in time: who needs
    /// Redis starts without it all the same.
    pub async fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let keeper = self.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move { keeper.keep().await }));
        let mut connection = self.0.connection.subscribe();
        let _ = tokio::time::timeout(CONNECT_WITHIN, connection.wait_for(Option::is_some)).await;
    }

    /// The name of a channel: databases of one Redis share their channels, and must not hear each other.
    pub fn channel(&self, name: &str) -> String {
        format!("landfall:{name}:{}", self.0.database)
    }

    /// Runs a script; one that Redis has forgotten is sent again.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, BrokerError> {
        let Some(Numbered(number, mut connection)) = self.connection() else { return Err(away()) };
        self.answered(number, script.invoke_async(&mut connection)).await
    }

    /// Asks anything else.
    pub async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, BrokerError> {
        let Some(Numbered(number, mut connection)) = self.connection() else { return Err(away()) };
        self.answered(number, command.query_async(&mut connection)).await
    }

    /// Sends messages to everybody who listens to the channel.
    pub async fn publish(&self, channel: &str, messages: &[String]) -> Result<(), BrokerError> {
        let Some(Numbered(number, mut connection)) = self.connection() else { return Err(away()) };
        let mut pipeline = redis::pipe();
        for message in messages {
            pipeline.publish(channel, message).ignore();
        }
        self.answered(number, pipeline.query_async(&mut connection)).await
    }

    /// Whether it answers.
    pub async fn check(&self) -> Result<(), BrokerError> {
        self.ask(&redis::cmd("PING")).await
    }

    fn connection(&self) -> Option<Numbered> {
        self.0.connection.borrow().clone()
    }

    /// Waits for an answer, but not long. A connection that gives none is given up.
    async fn answered<T>(
        &self,
        number: u64,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, BrokerError> {
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::UnexpectedReturnType) {
                    self.lose(number);
                }
                Err(BrokerError(error.to_string()))
            }
            Err(_) => {
                self.lose(number);
                Err(BrokerError("Redis does not answer in time".into()))
            }
        }
    }

    fn lose(&self, number: u64) {
        self.0.connection.send_if_modified(|connection| {
            let is_it = connection.as_ref().is_some_and(|Numbered(current, _)| *current == number);
            if is_it {
                *connection = None;
            }
            is_it
        });
    }

    async fn keep(&self) {
        let mut complained = false;
        for number in 0.. {
            match self.connect().await {
                Ok(connection) => {
                    info!("connected to Redis");
                    complained = false;
                    self.0.connection.send_replace(Some(Numbered(number, connection)));
                    self.watch().await;
                    warn!("Redis does not answer any more; connecting anew");
                }
                // Four times a second is often enough for trying, and too often for saying it.
                Err(error) if !complained => {
                    complained = true;
                    warn!(%error, "no connection to Redis; trying on");
                }
                Err(_) => {}
            }
            tokio::time::sleep(CONNECT_EVERY).await;
        }
    }

    /// Returns when the connection is lost: a question may find that, or our own now and then.
    async fn watch(&self) {
        let mut connection = self.0.connection.subscribe();
        while tokio::time::timeout(PING_EVERY, connection.wait_for(Option::is_none)).await.is_err() {
            let _ = self.check().await;
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, BrokerError> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.0.client.get_multiplexed_async_connection_with_config(&config);
        match tokio::time::timeout(CONNECT_WITHIN, connection).await {
            Ok(connection) => connection.map_err(|error| BrokerError(error.to_string())),
            Err(_) => Err(BrokerError("it does not answer in time".into())),
        }
    }
}

fn away() -> BrokerError {
    BrokerError("there is no connection to Redis".into())
}
