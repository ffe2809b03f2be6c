//! A channel's messages, over every loss of the connection. Knows no message.

use futures_util::StreamExt;
use redis::aio::PubSub;
use tracing::warn;

use super::{ANSWER_WITHIN, Broker, BrokerError, CONNECT_EVERY, CONNECT_WITHIN, PING_EVERY};

/// What a listener hears.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// From now on nothing is missed; what was said before may have been.
    Connected,
    /// Somebody's message.
    Message(&'a [u8]),
}

impl Broker {
    /// Listens to the channel for as long as it is polled. Redis keeps no message for one who is not there: after each
    /// `Connected`, look for yourself.
    pub async fn listen(&self, channel: &str, mut heard: impl FnMut(Heard<'_>)) {
        let mut complained = false;
        loop {
            match self.subscribe(channel).await {
                Ok(messages) => {
                    complained = false;
                    heard(Heard::Connected);
                    self.hear(messages, &mut heard).await;
                }
                // The other connection says it too; once is enough here.
                Err(error) if !complained => {
                    complained = true;
                    warn!(%error, channel, "messages of other processes are not heard");
                }
                Err(_) => {}
            }
            tokio::time::sleep(CONNECT_EVERY).await;
        }
    }

    async fn subscribe(&self, channel: &str) -> Result<PubSub, BrokerError> {
        let subscribed = async {
            let mut messages = self.0.client.get_async_pubsub().await?;
            messages.subscribe(channel).await?;
            Ok::<_, redis::RedisError>(messages)
        };
        match tokio::time::timeout(CONNECT_WITHIN, subscribed).await {
            Ok(messages) => messages.map_err(|error| BrokerError(error.to_string())),
            Err(_) => Err(BrokerError("Redis does not answer in time".into())),
        }
    }

    /// Returns when the connection is lost. One that only says nothing is asked whether it lives: behind a network
    /// that swallows packets, silence is all there is to hear.
    async fn hear(&self, messages: PubSub, heard: &mut impl FnMut(Heard<'_>)) {
        let (mut sink, mut stream) = messages.split();
        loop {
            match tokio::time::timeout(PING_EVERY, stream.next()).await {
                Ok(Some(message)) => heard(Heard::Message(message.get_payload_bytes())),
                Ok(None) => return,
                Err(_) => {
                    let alive = tokio::time::timeout(ANSWER_WITHIN, sink.ping::<redis::Value>()).await;
                    if !matches!(alive, Ok(Ok(_))) {
                        return;
                    }
                }
            }
        }
    }
}
