//! A server that hands what is posted to a channel to the sockets of the channel; knows no users, and not what is posted.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::{Peer, nchan, node};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// nginx with the module Nchan.
    Nchan,
    /// uWebSockets.js, by its topics.
    Uws,
    /// The package `ws` of Node.js.
    Ws,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Nchan, Self::Uws, Self::Ws];

    /// As measures name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nchan => "nchan",
            Self::Uws => "uws",
            Self::Ws => "ws",
        }
    }
}

/// A running one. Dropping it stops it.
pub(crate) struct Broker {
    peer: Peer,
    version: String,
}

impl Broker {
    /// Starts one on a core, with room for so many sockets.
    pub(crate) fn start(kind: Kind, home: &Path, core: usize, sockets: usize) -> io::Result<Self> {
        let home = home.join(kind.name());
        std::fs::create_dir_all(&home)?;
        let (peer, version) = match kind {
            Kind::Nchan => {
                let peer = nchan::nchan(&home, core, sockets)?;
                let version = nchan::version(&peer)?;
                (peer, version)
            }
            Kind::Uws | Kind::Ws => (node::node(kind.name(), &home, core)?, node::version(kind == Kind::Uws)?),
        };
        Ok(Self { peer, version })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.peer.address()
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.peer.pids().to_vec()
    }

    /// Where a WebSocket hears a channel.
    pub(crate) fn socket(channel: impl fmt::Display) -> String {
        format!("/ws/{channel}")
    }

    /// Where a channel is posted to.
    pub(crate) fn publish(channel: impl fmt::Display) -> String {
        format!("/pub/{channel}")
    }

    /// What it is, with its version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }
}
