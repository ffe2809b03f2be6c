//! The port to the other processes of a deployment: who is there, and what each has seen of the others. Knows no volume.

mod alone;
mod redis;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use alone::Alone;
pub use redis::RedisPeers;

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Serves listeners.
    Server,
    /// Lands recordings.
    Worker,
}

impl Role {
    /// Its name, as the command line has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "serve",
            Self::Worker => "worker",
        }
    }
}

/// A process, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// A random name, of this run only.
    pub id: String,
    /// What it is for.
    pub role: Role,
    /// The machine, or container, that it runs on.
    pub host: String,
    /// Where it has the volume.
    pub volume: String,
    /// The last mark that it has left there.
    pub beat: u64,
    /// Whose marks it sees there, and whose it does not.
    pub sees: Vec<(String, bool)>,
}

/// The others cannot be asked.
#[derive(Debug)]
pub struct PeersError(pub String);

impl fmt::Display for PeersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PeersError {}

/// Where processes find each other. Every method answers or fails within seconds.
#[async_trait]
pub trait Peers: Send + Sync + 'static {
    /// Says what this process is and sees; it is believed to be there for some beats after that.
    async fn announce(&self, me: &Peer) -> Result<(), PeersError>;

    /// Every process that is there, this one too if it has announced itself.
    async fn present(&self) -> Result<Vec<Peer>, PeersError>;

    /// This process leaves.
    async fn leave(&self, id: &str) -> Result<(), PeersError>;
}
