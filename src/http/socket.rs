//! The WebSocket: handshake, sign-in, and one task per socket that is small while it is idle.

mod clock;
mod line;
mod session;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State as Shared;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use axum::response::{IntoResponse, Response};
use futures_util::SinkExt;
use tokio::time::Duration;

use super::app::App;
use super::caller::{Brought, Peer, client_address, counted_address};
use super::limits::Held;
use super::problem::Problem;
use super::protocol::{BEARER, SUBPROTOCOL};
use crate::auth::Denied;
use crate::telemetry;

pub use line::Descriptor;
use session::Session;

/// Frames of clients are small; a larger buffer would be most of an idle socket's memory. The library needs twice the length of a
/// message, and a subscription to one recording has 90 bytes.
const READ_BUFFER: usize = 192;
/// Bytes that may wait for a socket; what is larger than this is a bug. Must exceed the write buffer.
const MOST_UNSENT: usize = 4 * 1024 * 1024;
/// How long a peer is given to take our close frame.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a socket is closed: the codes of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// The peer closed first, with this code.
    ByPeer(u16),
    BadMessage,
    Token,
    Forbidden,
    Subprotocol,
    NoHello,
    Limit,
    Draining,
    NoPong,
    TooSlow,
    TooLarge,
    Internal,
}

impl Close {
    const fn code(self) -> u16 {
        match self {
            Self::ByPeer(code) => code,
            Self::TooLarge => 1009,
            Self::BadMessage => 4400,
            Self::Token => 4401,
            Self::Forbidden => 4403,
            Self::Subprotocol => 4406,
            Self::NoHello => 4408,
            Self::Limit => 4429,
            Self::Internal => 4500,
            Self::Draining => 4501,
            Self::NoPong => 4502,
            Self::TooSlow => 4503,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::ByPeer(_) => "",
            Self::TooLarge => "the message is too large",
            Self::BadMessage => "the message is not one of the protocol",
            Self::Token => "the token is missing, bad or expired",
            Self::Forbidden => "the token is of another tenant now",
            Self::Subprotocol => "the subprotocol landfall.v1 is required",
            Self::NoHello => "no hello came in time",
            Self::Limit => "a limit is reached",
            Self::Internal => "this cannot be answered right now",
            Self::Draining => "the server stops",
            Self::NoPong => "no pong came in time",
            Self::TooSlow => "the socket cannot keep up",
        }
    }
}

impl From<Denied> for Close {
    /// A client that is told of its token gets another, which would not help while none can be checked.
    fn from(denied: Denied) -> Self {
        if denied.is_temporary() { Self::Internal } else { Self::Token }
    }
}

/// What the handshake brought.
struct Arrival {
    app: Arc<App>,
    /// Whether the client speaks our subprotocol.
    speaks: bool,
    brought: Option<Brought>,
    address: IpAddr,
    /// Its place among the sockets of its address, if there was one.
    place: Option<Held<IpAddr>>,
    /// The address that its requests count for.
    from: Option<IpAddr>,
    descriptor: Option<Descriptor>,
}

/// Opens a socket. See the protocol's page for what is said on it.
#[utoipa::path(get, path = "/ws/recordings", tag = "push",
    responses((status = 101, description = "The subprotocol landfall.v1"), (status = 403, description = "foreign_origin"),
        (status = 426, description = "not_websocket")))]
pub async fn connect(
    Shared(app): Shared<Arc<App>>,
    Extension(peer): Extension<Peer>,
    descriptor: Option<Extension<Descriptor>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    // A page of a foreign origin can open a socket with our cookie: nothing else guards against it.
    if let Some(origin) = headers.get(ORIGIN)
        && !origin.to_str().is_ok_and(|origin| app.allows(origin))
    {
        telemetry::socket_rejected("origin");
        return Problem::forbidden("foreign_origin", "the Origin is not in allowed_origins").into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            telemetry::socket_rejected("handshake");
            return Problem::not_websocket(rejection.body_text()).into_response();
        }
    };
    if app.draining.is_cancelled() {
        telemetry::socket_rejected("draining");
        return Problem::overloaded("shutdown").into_response();
    }
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    let offered: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let by_protocol = offered.iter().find_map(|offer| offer.strip_prefix(BEARER));
    let by_protocol = by_protocol.map(|token| Brought::Token(token.to_owned()));
    let address = client_address(peer, &headers);
    let arrival = Box::new(Arrival {
        speaks: offered.contains(&SUBPROTOCOL),
        brought: by_protocol.or_else(|| Brought::by(&app, &headers)),
        address,
        place: app.limits.socket_of_address(address),
        from: counted_address(peer, &headers),
        descriptor: descriptor.map(|Extension(descriptor)| descriptor),
        app: app.clone(),
    });
    let most = app.limits.options.message_bytes;
    let token = app.tasks.token();
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNSENT)
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |socket| {
            // A task of its own: that of the upgrade has room for the handshake, for as long as the socket lives.
            app.tasks.spawn(arrival.serve(Box::new(socket)));
            drop(token);
            std::future::ready(())
        })
}

impl Arrival {
    async fn serve(self: Box<Self>, mut socket: Box<WebSocket>) {
        telemetry::socket_opened();
        self.app.sockets.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let app = self.app.clone();
        // Signing in and saying good-bye are large futures; boxed, they weigh nothing in between.
        let close = match Box::pin(Session::open(self, &mut socket)).await {
            Ok(mut session) => session.run(&mut socket).await,
            Err(close) => close,
        };
        Box::pin(farewell(socket, close)).await;
        app.sockets.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        telemetry::socket_closed(close.code());
    }
}

/// Sends the close frame and waits for the peer's, so that the frame is not lost to a reset. A peer that closed first is
/// answered (RFC 6455 §5.5.1).
async fn farewell(mut socket: Box<WebSocket>, close: Close) {
    if matches!(close, Close::ByPeer(_)) {
        // The library has the answer ready, and sends it with what is written next.
        let _ = tokio::time::timeout(FAREWELL, socket.flush()).await;
        return;
    }
    let frame = CloseFrame { code: close.code(), reason: close.reason().into() };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}
