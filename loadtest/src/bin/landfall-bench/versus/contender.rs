//! One of the servers that are measured against each other, all spoken to alike; knows not what is measured.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use loadtest::client::{Http, Listeners};
use loadtest::server::{Server, Setup};
use loadtest::twilio::Account;

use super::crowd::Crowd;
use super::herald::{Herald, Posts};
use super::peers::broker::{Broker, Kind};
use crate::bench::SERVER_CORE;
use crate::calls::{Draft, unnamed};
use crate::listen::{confirmed, idle};

/// Sockets that are opened before pings are answered again.
const BATCH: usize = 500;
/// SIDs of one `subscribe`: as many as fit into a message.
const SIDS: usize = 200;
/// Nothing here is ever fetched: what lands is landed by this program.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A server that is running.
pub(crate) struct Contender {
    name: &'static str,
    server: Side,
}

enum Side {
    Landfall(Arc<Server>, Way),
    Broker(Broker),
}

/// How Landfall learns of what has landed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It sees it: inotify.
    Rename,
    /// It is told: `POST /internal/landed`.
    Signal,
}

impl Contender {
    /// Landfall on its core. Its limits on one socket's SIDs are lifted.
    pub(crate) fn landfall(binary: &Path, home: &Path) -> io::Result<Arc<Server>> {
        let home = home.join("landfall");
        std::fs::create_dir_all(&home)?;
        let server = Server::start(&Setup {
            binary,
            home: &home,
            api_base: NOWHERE,
            account: &Account::example(1),
            core: Some(SERVER_CORE),
            settings: &[("LANDFALL_LIMITS__SIDS_PER_SOCKET", "65536")],
        })?;
        Ok(Arc::new(server))
    }

    /// One more name under which that server is measured.
    pub(crate) fn of(name: &'static str, server: &Arc<Server>, way: Way) -> Self {
        Self { name, server: Side::Landfall(Arc::clone(server), way) }
    }

    pub(crate) fn peer(kind: Kind, home: &Path, sockets: usize) -> io::Result<Self> {
        Ok(Self { name: kind.name(), server: Side::Broker(Broker::start(kind, home, SERVER_CORE, sockets)?) })
    }

    /// As measures name it.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Its processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        match &self.server {
            Side::Landfall(server, _) => vec![server.pid()],
            Side::Broker(broker) => broker.pids(),
        }
    }

    /// What it is, with its version, where it is not Landfall.
    pub(crate) fn version(&self) -> Option<&str> {
        match &self.server {
            Side::Landfall(..) => None,
            Side::Broker(broker) => Some(broker.version()),
        }
    }

    /// Makes it know the recordings that are waited for, if it must.
    pub(crate) fn register(&self, crowd: &Crowd) -> io::Result<()> {
        match &self.server {
            Side::Landfall(server, _) => server.register(&unnamed(crowd.sids())),
            Side::Broker(_) => Ok(()),
        }
    }

    /// Makes it know what it must, and all that can be made before something is measured.
    pub(crate) fn herald(&self, crowd: &Crowd, files: &[Bytes]) -> io::Result<Herald> {
        let sids = crowd.sids();
        self.register(crowd)?;
        match &self.server {
            Side::Landfall(server, way) => {
                let volume = server.volume();
                let draft = |(sid, file): (&String, &Bytes)| Draft::write(&volume, sid, file);
                let drafts: Vec<Draft> = sids.iter().zip(files.iter().cycle()).map(draft).collect::<io::Result<_>>()?;
                if *way == Way::Rename {
                    return Ok(Herald::Rename(drafts.into_iter()));
                }
                let request = |sid: &String| ("/internal/landed".to_owned(), format!(r#"{{"sids":["{sid}"]}}"#));
                let http = Http::connect(server.address(), Some(&server.token("service")))?;
                let posts = Posts::new(http, sids.iter().map(request).collect(), &[204]);
                Ok(Herald::Signal(posts, drafts.into_iter()))
            }
            Side::Broker(broker) => {
                let request = |(number, (sid, file)): (usize, (&String, &Bytes))| {
                    (Broker::publish(crowd.channel(number)), ready(sid, file.len()))
                };
                let requests = sids.iter().zip(files.iter().cycle()).enumerate().map(request).collect();
                let http = Http::connect(broker.address(), None)?;
                Ok(Herald::Post(Posts::new(http, requests, &[200, 201, 202])))
            }
        }
    }

    /// All sockets, each of them waiting for what is its own.
    pub(crate) fn open(&self, crowd: &Crowd) -> io::Result<Listeners> {
        let mut listeners = Listeners::new()?;
        let token = match &self.server {
            Side::Landfall(server, _) => server.token("agent"),
            Side::Broker(_) => String::new(),
        };
        for socket in 0..crowd.sockets() {
            match &self.server {
                Side::Landfall(server, _) => listeners.web_socket(server.address(), &token)?,
                Side::Broker(broker) => {
                    listeners.foreign_web_socket(broker.address(), &Broker::socket(crowd.channel(socket)))?
                }
            };
            if socket % BATCH == 0 {
                idle(&mut listeners, Duration::ZERO)?;
            }
        }
        if matches!(self.server, Side::Landfall(..)) {
            subscribe(&mut listeners, crowd)?;
        }
        Ok(listeners)
    }
}

fn subscribe(listeners: &mut Listeners, crowd: &Crowd) -> io::Result<()> {
    let mut asked = 0;
    for socket in 0..crowd.sockets() {
        for sids in crowd.of_socket(socket).chunks(SIDS) {
            let sids = serde_json::to_string(sids)?;
            listeners.send(socket, &format!(r#"{{"type":"subscribe","id":1,"sids":{sids},"intent":"watch"}}"#))?;
            asked += 1;
        }
    }
    confirmed(listeners, "subscribed", asked)
}

/// What Landfall says of such a recording: the peers' messages are as long as its own.
fn ready(sid: &str, size: usize) -> String {
    let url = "http://127.0.0.1:48080/api/recordings";
    format!(
        r#"{{"type":"ready","sid":"{sid}","call_sid":"{sid}","v":2,"state":"ready","url":"{url}/file/{sid}","size":{size},"etag":"\"{sid}.mp3.2.{size:x}\"","content_type":"audio/mpeg","duration_ms":2520,"channels":2,"peaks_url":"{url}/{sid}/peaks"}}"#
    )
}

#[cfg(test)]
mod tests {
    use loadtest::client::Message;

    #[test]
    fn the_peers_messages_read_like_landfalls() {
        let text = super::ready("CA0", 10_240);
        let message: Message<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!((message.kind, message.sid), ("ready", Some("CA0")));
    }
}
