//! Connections: one acceptor, and per core one thread with a runtime of its own, so that a connection never moves
//! between cores and no lock is shared on the way of the bytes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::app::App;
use super::caller::Peer;
use super::connection::serve;
use super::layer::Layer;
use crate::signals::{Noticed, Signal, watch};

/// Connections on their way to a lane.
const HANDED_OVER: usize = 1024;
/// A pause when the process has no file descriptor left.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

type Handed = (std::net::TcpStream, SocketAddr);

/// The threads that serve connections.
pub struct Lanes {
    to: Vec<mpsc::Sender<Handed>>,
    /// Each thread holds a token of it: joining the threads themselves would keep a stopping process as long as its
    /// slowest client.
    running: TaskTracker,
}

impl Lanes {
    /// Starts `count` threads. While the server drains, the connections it had finish what is in flight and close, each
    /// a task of the server's; new ones are answered until `stop` is cancelled, so that whoever asks hears that it is
    /// not ready. Then the threads finish the requests in flight, and end.
    pub fn start(count: usize, app: &Arc<App>, layer: &Layer, stop: &CancellationToken) -> io::Result<Self> {
        let mut lanes = Self { to: Vec::new(), running: TaskTracker::new() };
        for n in 0..count.max(1) {
            // Where no media are served, nobody waits for any.
            let watches = layer.media().is_some().then_some(n == 0);
            let (to, from) = mpsc::channel(HANDED_OVER);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (app, layer, stop, token) = (app.clone(), layer.clone(), stop.clone(), lanes.running.token());
            let thread = std::thread::Builder::new().name(format!("lane-{n}"));
            thread.spawn(move || {
                let _token = token;
                runtime.block_on(lane(from, app, layer, watches, stop));
            })?;
            lanes.to.push(to);
        }
        Ok(lanes)
    }

    /// Takes connections and deals them out in turn, until told to stop.
    pub async fn accept(to: Vec<mpsc::Sender<Handed>>, listener: TcpListener, stop: CancellationToken) {
        let mut turn = to.iter().cycle();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let handed = match accepted {
                Ok((stream, peer)) => stream.into_std().map(|stream| (stream, peer)),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(OUT_OF_FILES).await;
                    continue;
                }
            };
            // A lane that cannot take it is far behind; dropping the connection lets the client try another server.
            if let (Ok(handed), Some(lane)) = (handed, turn.next())
                && lane.try_send(handed).is_err()
            {
                crate::telemetry::limited("connections_waiting");
            }
        }
    }

    /// The lanes' doors, for [`accept`](Self::accept).
    pub fn doors(&self) -> Vec<mpsc::Sender<Handed>> {
        self.to.clone()
    }

    /// Waits until the threads have finished.
    pub async fn join(self) {
        drop(self.to);
        self.running.close();
        self.running.wait().await;
    }
}

async fn lane(
    mut from: mpsc::Receiver<Handed>,
    app: Arc<App>,
    layer: Layer,
    watches: Option<bool>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    if let Some(is_first) = watches {
        connections.spawn(stop.clone().run_until_cancelled_owned(notice_landings(app.clone(), is_first)));
    }
    loop {
        let handed = tokio::select! {
            handed = from.recv() => handed,
            () = stop.cancelled() => None,
        };
        let Some((stream, peer)) = handed else { break };
        let stream = TcpStream::from_std(stream).and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        if let Ok(stream) = stream {
            let (peer, layer, stop) = (Peer(peer.ip()), layer.clone(), stop.clone());
            if app.draining.is_cancelled() {
                connections.spawn(serve(stream, peer, layer, stop));
            } else {
                let token = app.tasks.token();
                let served = serve(stream, peer, layer, app.draining.clone());
                connections.spawn(async move {
                    let _token = token;
                    served.await;
                });
            }
        }
    }
    connections.close();
    connections.wait().await;
    info!("a lane has finished its requests");
}

/// Tells this lane's listeners of landings by itself: waking it from another thread would double what they wait. The
/// first lane sees to what else there is to do.
async fn notice_landings(app: Arc<App>, is_first: bool) {
    let (delivery, root) = (&app.parts.delivery, app.parts.volume.root());
    let notice = |noticed| match noticed {
        Noticed::Came(sid) => {
            delivery.notice(sid);
            if is_first {
                app.parts.signals.send(Signal::Noticed(sid));
            }
        }
        Noticed::Left(sid) => delivery.doubt(sid),
    };
    let Err(error) = watch(root, notice).await;
    warn!(%error, "inotify is not to be had: files of foreign workers are found by the sweep");
}
