//! A way through TCP that can be closed as networks close: nothing passes and connections stay, or connections are cut.
//! Knows no protocol.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Duration, sleep};
use tokio_util::task::AbortOnDropHandle;

/// What becomes of bytes that go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They arrive.
    Open,
    /// They vanish, as behind a firewall that forgot the connection: nobody is told. They arrive late when it opens again.
    Hole,
    /// Every connection is closed, and so is every new one.
    Cut,
    /// They arrive, but what opens a connection takes so long.
    Slow(Duration),
}

/// A proxy before one address; closed when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    /// An open way to that port of this machine.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (way, seen) = watch::channel(Way::Open);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(carry(near, port, seen.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, way, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn carry(near: TcpStream, port: u16, mut way: watch::Receiver<Way>) {
    // Who connects into the hole finds out nothing either.
    if *way.borrow_and_update() == Way::Cut || way.wait_for(|way| *way != Way::Hole).await.is_err() {
        return;
    }
    let now = *way.borrow_and_update();
    if let Way::Slow(pause) = now {
        sleep(pause).await;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pass(near_read, far_write, way.clone()) => {}
        () = pass(far_read, near_write, way.clone()) => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        // The end of a connection vanishes in the hole as its bytes do.
        let is_open = way.wait_for(|way| *way != Way::Hole).await.is_ok();
        match read {
            Ok(length) if length > 0 && is_open => {
                if to.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
