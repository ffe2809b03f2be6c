//! Whether what is sent on a connection is spread over time. Knows a connection's round trip, and nothing of who is at its end.
//!
//! BBR, which many machines have as their default, spreads what it sends so that no queue on a long way overflows. Each segment then
//! waits for a timer. To a peer on the same machine or in the same rack, such as the proxy in front, there is no long way: the timers are all that
//! is left, and cost several times what sending does.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::net::sockopt;
use tokio::time::Duration;
use tracing::debug;

/// A round trip within which nothing is paced: a machine or a building, and no provider's line.
const NEAR: Duration = Duration::from_millis(1);
/// What paces, by the beginnings of its names (`bbr`, `bbr3`).
const PACES: &str = "bbr";
/// Does not pace, is part of every kernel, and is allowed to everybody.
const UNPACED: &str = "reno";

/// The congestion control of a listener's far connections, where that paces.
pub struct Pacing(Option<String>);

impl Pacing {
    /// Lifts the pacing of all connections that will be accepted: begun once, it would stay. Those who are far get it back by
    /// [`paced`](Self::paced).
    pub fn lift(listener: impl AsFd) -> Self {
        let control = sockopt::tcp_congestion(&listener).unwrap_or_default();
        if !control.starts_with(PACES) {
            return Self(None);
        }
        match sockopt::set_tcp_congestion(&listener, UNPACED) {
            Ok(()) => Self(Some(control)),
            Err(error) => {
                debug!(%error, "connections are paced, the near ones as well");
                Self(None)
            }
        }
    }

    /// Paces a connection that has just been accepted, if it comes from afar.
    pub fn paced(&self, stream: impl AsFd) {
        if self.0.is_some() {
            self.paced_if_far(stream.as_fd(), round_trip(stream.as_fd()));
        }
    }

    fn paced_if_far(&self, stream: BorrowedFd<'_>, round_trip: Option<Duration>) {
        if let Some(control) = self.0.as_ref().filter(|_| !is_near(round_trip))
            && let Err(error) = sockopt::set_tcp_congestion(stream, control)
        {
            // Said quietly: it could be said of each connection.
            debug!(%error, control, "a connection has not the congestion control of this machine");
        }
    }
}

/// Who has no round trip yet (a SYN cookie measures none) counts as far.
fn is_near(round_trip: Option<Duration>) -> bool {
    round_trip.is_some_and(|round_trip| round_trip < NEAR)
}

/// What the kernel has measured, at first from its answer to the client's SYN to the client's ACK.
fn round_trip(stream: BorrowedFd<'_>) -> Option<Duration> {
    // SAFETY: numbers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes, which `info` has.
    let told = unsafe {
        libc::getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut size)
    };
    (told == 0 && info.tcpi_rtt > 0).then(|| Duration::from_micros(info.tcpi_rtt.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[test]
    fn who_is_within_a_millisecond_is_near_and_who_is_not_known_is_far() {
        assert!(is_near(Some(Duration::from_micros(999))));
        assert!(!is_near(Some(NEAR)));
        assert!(!is_near(None));
    }

    #[tokio::test]
    async fn a_connection_on_this_machine_is_near() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_client, stream) = accepted(&listener).await;
        assert!(is_near(round_trip(stream.as_fd())));
    }

    async fn accepted(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn the_near_are_not_paced_and_the_far_are_as_the_machine_would() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if sockopt::set_tcp_congestion(&listener, "bbr").is_err() {
            eprintln!("passed over: this kernel has no BBR");
            return;
        }
        let pacing = Pacing::lift(&listener);
        let (_client, near) = accepted(&listener).await;
        pacing.paced(&near);
        assert_eq!(sockopt::tcp_congestion(&near).unwrap(), UNPACED);
        let (_client, far) = accepted(&listener).await;
        pacing.paced_if_far(far.as_fd(), Some(Duration::from_millis(40)));
        assert_eq!(sockopt::tcp_congestion(&far).unwrap(), "bbr");
    }

    #[tokio::test]
    async fn where_nothing_paces_all_stays_as_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let Some(control) =
            ["cubic", "reno"].into_iter().find(|name| sockopt::set_tcp_congestion(&listener, name).is_ok())
        else {
            unreachable!("reno is allowed to everybody");
        };
        let pacing = Pacing::lift(&listener);
        let (_client, stream) = accepted(&listener).await;
        pacing.paced_if_far(stream.as_fd(), None);
        assert_eq!(sockopt::tcp_congestion(&stream).unwrap(), control);
    }
}
