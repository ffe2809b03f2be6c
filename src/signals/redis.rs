//! Signals between processes: messages in Redis that nobody keeps. Says which recording to look at, and no more of it
//! than listeners of it are told.

mod message;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{LocalSignals, Signal, Signals};
use crate::broker::{Broker, Heard};
use crate::telemetry;
use message::Message;

/// Signals on their way to Redis. Beyond, they are dropped and counted, and the sweep finds what they spoke of.
const MOST: usize = 4096;
/// Sent in one go.
const TOGETHER: usize = 256;

/// The sending side.
pub struct RedisSignals {
    /// A server's own listeners, who need not wait for Redis.
    here: Option<LocalSignals>,
    to: mpsc::Sender<Signal>,
}

/// Takes signals to Redis.
pub struct Publisher {
    broker: Broker,
    channel: String,
    name: Arc<str>,
    from: mpsc::Receiver<Signal>,
}

/// Signals may have been lost: whatever is waited for is to be looked at again.
pub type Resumed = Arc<Notify>;

impl RedisSignals {
    /// Both sides. `here` gets what is sent here.
    pub fn new(broker: Broker, here: Option<LocalSignals>) -> (Self, Publisher) {
        let (to, from) = mpsc::channel(MOST);
        let channel = broker.channel("signals");
        let name = uuid::Uuid::new_v4().simple().to_string().into();
        (Self { here, to }, Publisher { broker, channel, name, from })
    }
}

impl Signals for RedisSignals {
    fn send(&self, signal: Signal) {
        if self.to.try_send(signal.clone()).is_err() {
            telemetry::signal_lost("full");
        }
        if let Some(here) = &self.here {
            here.send(signal);
        }
    }
}

impl Publisher {
    /// The name it signs with: a server does not hear itself twice.
    pub fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Works until told to stop, and sends then what has come until then.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut signals = Vec::with_capacity(TOGETHER);
        while stop.run_until_cancelled(self.from.recv_many(&mut signals, TOGETHER)).await.is_some_and(|n| n > 0) {
            self.publish(&mut signals).await;
        }
        while let Ok(signal) = self.from.try_recv() {
            signals.push(signal);
        }
        self.publish(&mut signals).await;
    }

    async fn publish(&self, signals: &mut Vec<Signal>) {
        let messages: Vec<String> = signals
            .drain(..)
            .filter_map(|signal| Message::of(&signal))
            .map(|message| message.text(&self.name))
            .collect();
        if !messages.is_empty() && self.broker.publish(&self.channel, &messages).await.is_err() {
            messages.iter().for_each(|_| telemetry::signal_lost("unsent"));
        }
    }
}

/// Passes on what other processes say, for as long as it is polled. `name` is our own.
pub async fn listen(broker: Broker, name: Arc<str>, to: mpsc::Sender<Signal>, resumed: Resumed) {
    let channel = broker.channel("signals");
    let heard = |heard: Heard<'_>| match heard {
        Heard::Connected => resumed.notify_one(),
        Heard::Message(text) => match Message::read(text, &name) {
            Ok(Some(signal)) => {
                if to.try_send(signal).is_err() {
                    telemetry::limited("signals_waiting");
                }
            }
            Ok(None) => {}
            Err(_) => telemetry::signal_lost("malformed"),
        },
    };
    broker.listen(&channel, heard).await;
}
