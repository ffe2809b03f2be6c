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
use super::limits::Seat;
use super::pacing::Pacing;
use crate::signals::{Noticed, watch};

/// Connections on their way to a lane.
const HANDED_OVER: usize = 1024;
/// A pause when the process has no file descriptor left.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// A client of which nothing is heard is asked after so long whether it is still there.
const SILENT: Duration = Duration::from_secs(30);
/// From question to question; after three without an answer it is gone.
const ASKED_EVERY: Duration = Duration::from_secs(10);
const ASKED: u32 = 3;
/// What was sent and not been received for so long, in milliseconds, is for nobody (RFC 5482).
const UNRECEIVED_MS: u32 = 120_000;
/// What a lane asks for at a time.
const SHORT_TURN: Duration = Duration::from_micros(100);
/// How long a connection beyond the bound is given for its one request.
const SPARE_WITHIN: Duration = Duration::from_secs(5);

/// A connection with its seat; those of a listener that only operators reach need none.
type Handed = (std::net::TcpStream, SocketAddr, Option<Seat>);

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
                take_short_turns();
                runtime.block_on(lane(from, app, layer, watches, stop));
            })?;
            lanes.to.push(to);
        }
        Ok(lanes)
    }

    /// Takes connections and deals them out in turn, until told to stop. With `seats`, only so many at once.
    pub async fn accept(
        to: Vec<mpsc::Sender<Handed>>,
        listener: TcpListener,
        seats: Option<Arc<App>>,
        stop: CancellationToken,
    ) {
        let mut turn = to.iter().cycle();
        let pacing = Pacing::lift(&listener);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let handed = match accepted {
                Ok((stream, peer)) => {
                    let seat = seats.as_ref().map(|app| app.limits.seats.take(peer.ip()));
                    // Not even one to spare: it is closed.
                    if matches!(seat, Some(None)) {
                        continue;
                    }
                    pacing.paced(&stream);
                    stream.into_std().map(|stream| (stream, peer, seat.flatten()))
                }
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

/// Asks the kernel for short turns on a core, which come sooner (EEVDF, from Linux 6.12 on; an older one takes no notice). A lane needs
/// microseconds to tell a listener, and does not wait while the catalog writes down what landed before.
fn take_short_turns() {
    // SAFETY: numbers go in, a number comes out; 0 is the thread that asks.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let wanted = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: SHORT_TURN.as_nanos() as u64,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads as many bytes as the structure says it has.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wanted, 0) };
}

async fn lane(
    mut from: mpsc::Receiver<Handed>,
    app: Arc<App>,
    layer: Layer,
    watches: Option<bool>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let spare = Layer::spare(&app);
    if let Some(is_first) = watches {
        connections.spawn(stop.clone().run_until_cancelled_owned(notice_landings(app.clone(), is_first)));
    }
    loop {
        let handed = tokio::select! {
            handed = from.recv() => handed,
            () = stop.cancelled() => None,
        };
        let Some((stream, peer, seat)) = handed else { break };
        let stream = TcpStream::from_std(stream).and_then(prepared);
        if let Ok(stream) = stream {
            let (peer, layer, stop) = (Peer(peer.ip()), layer.clone(), stop.clone());
            if seat.as_ref().is_some_and(|seat| seat.is_spare) {
                let served = serve(stream, seat, peer, spare.clone(), stop);
                connections.spawn(async move {
                    let _ = tokio::time::timeout(SPARE_WITHIN, served).await;
                });
            } else if app.draining.is_cancelled() {
                connections.spawn(serve(stream, seat, peer, layer, stop));
            } else {
                let token = app.tasks.token();
                let served = serve(stream, seat, peer, layer, app.draining.clone());
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

/// A connection that sends at once, and that ends when nobody is at its other end any more.
fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, SILENT)?;
    sockopt::set_tcp_keepintvl(&stream, ASKED_EVERY)?;
    sockopt::set_tcp_keepcnt(&stream, ASKED)?;
    sockopt::set_tcp_user_timeout(&stream, UNRECEIVED_MS)?;
    Ok(stream)
}

/// Tells this lane's listeners of landings by itself: waking it from another thread would double what they wait. The
/// first lane sees to what else there is to do.
async fn notice_landings(app: Arc<App>, is_first: bool) {
    let (delivery, root) = (&app.parts.delivery, app.parts.volume.root());
    let notice = |noticed| match noticed {
        Noticed::Named(sid) | Noticed::Closed(sid) => {
            if let Some(rest) = delivery.notice(sid, matches!(noticed, Noticed::Named(_))) {
                app.tasks.spawn(rest.send());
            }
            if is_first && delivery.is_open(sid) {
                // Somebody has not begun to listen yet, or listens on another lane.
                app.tasks.spawn(delivery.clone().hear_soon(sid));
            } else if is_first {
                delivery.note_later(sid);
            }
        }
        Noticed::Left(sid) => delivery.doubt(sid),
    };
    let Err(error) = watch(root, notice).await;
    warn!(%error, "inotify is not to be had: files of foreign workers are found by the sweep");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::{limited, recorder};

    /// The lane has stopped taking: its door is full of connections.
    #[tokio::test]
    async fn a_connection_that_its_lane_has_no_room_for_is_closed_and_counted() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (to, mut from) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let clients = async {
            let _handed_over = TcpStream::connect(address).await.unwrap();
            let mut refused = TcpStream::connect(address).await.unwrap();
            let read = tokio::io::AsyncReadExt::read(&mut refused, &mut [0; 1]).await;
            assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
            stop.cancel();
        };
        tokio::join!(Lanes::accept(vec![to], listener, None, stop.clone()), clients);
        assert!(from.recv().await.is_some());
        assert_eq!(limited(&recorder, "connections_waiting"), 1.0);
    }

    #[tokio::test]
    async fn a_connection_whose_other_end_has_vanished_is_noticed() {
        use rustix::net::sockopt;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = prepared(listener.accept().await.unwrap().0).unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream), Ok(SILENT));
        assert_eq!(sockopt::tcp_keepintvl(&stream), Ok(ASKED_EVERY));
        assert_eq!(sockopt::tcp_keepcnt(&stream), Ok(ASKED));
        assert_eq!(sockopt::tcp_user_timeout(&stream), Ok(UNRECEIVED_MS));
    }
}
