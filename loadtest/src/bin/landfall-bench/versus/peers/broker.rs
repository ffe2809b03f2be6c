//! A server that hands what is posted to a channel to the sockets of the channel; knows no users, and not what is posted.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::nchan;
use super::node::{self, Node};
use crate::nginx::Nginx;

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
    process: Process,
    version: String,
}

enum Process {
    Nginx(Nginx),
    Node(Node),
}

impl Broker {
    /// Starts one on a core, with room for so many sockets.
    pub(crate) fn start(kind: Kind, home: &Path, core: usize, sockets: usize) -> io::Result<Self> {
        let home = home.join(kind.name());
        let (process, version) = match kind {
            Kind::Nchan => {
                let nginx = nchan::start(&home, core, sockets)?;
                let version = nchan::version(&nginx)?;
                (Process::Nginx(nginx), version)
            }
            Kind::Uws | Kind::Ws => {
                (Process::Node(Node::start(kind.name(), &home, core)?), node::version(kind == Kind::Uws)?)
            }
        };
        Ok(Self { process, version })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.process {
            Process::Nginx(nginx) => nginx.address(),
            Process::Node(node) => node.address(),
        }
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        match &self.process {
            Process::Nginx(nginx) => nginx.pids().to_vec(),
            Process::Node(node) => vec![node.pid()],
        }
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
