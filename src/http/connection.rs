//! One connection: requests for media at hand are answered by the express way, each other request by the HTTP library.
//! Knows no route but for the two that must be fast: media, and words of a landing.

mod alarm;
mod express;
mod refusal;
mod single;
mod wire;

use std::pin::pin;

use tokio::net::TcpStream;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use super::caller::Peer;
use super::layer::Layer;
use super::limits::Seat;
use express::{Express, Next};
use single::{After, serve_one};
use wire::Wire;

/// From the first byte of a request's head to its last, and from a connection's beginning to its first request: whoever
/// opens one has something to say.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// From an answer to the next request.
const IDLE_WITHIN: Duration = Duration::from_secs(60);

/// Serves a connection; told to `leave`, it finishes the request in hand. How it ends is the client's business: what
/// was wrong with a request has been answered.
pub async fn serve(stream: TcpStream, seat: Option<Seat>, peer: Peer, layer: Layer, leave: CancellationToken) {
    let mut wire = Wire::new(stream, seat);
    let mut express = Express::new(peer);
    let mut leaving = pin!(leave.cancelled());
    loop {
        let next = tokio::select! {
            biased;
            next = express.next(&mut wire, layer.media()) => next,
            () = &mut leaving => return,
        };
        match next {
            Next::Answer(answer) => {
                if wire.send(express.head(), answer.bytes()).await.is_err() {
                    return;
                }
                express.answered();
            }
            Next::Other => match Box::pin(serve_one(wire, peer, &layer, &leave)).await {
                After::Idle(idle) => {
                    wire = idle;
                    express.answered();
                }
                After::Closed => return,
            },
            Next::Closed => return,
        }
    }
}
