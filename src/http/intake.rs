//! Request bodies: read whole before any handler runs, bounded in bytes and in time. Knows no route.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Duration, timeout};

use super::problem::Problem;
use crate::telemetry;

/// No route takes a larger body.
const MOST_BODY: usize = 64 * 1024;
/// So much is read all the same: closed on what is still being sent, a connection is reset, and the client never
/// sees why (RFC 9112 §9.6).
const MOST_IGNORED: usize = 4 * 1024 * 1024;
/// A body that drips must not hold a connection for ever.
const WITHIN: Duration = Duration::from_secs(30);

/// The whole body.
pub async fn take<B: Body<Data = Bytes>>(body: B) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    timeout(WITHIN, read(body)).await.unwrap_or_else(|_| {
        telemetry::limited("slow_body");
        Err(Problem::too_slow())
    })
}

async fn read<B: Body<Data = Bytes>>(body: B) -> Result<Bytes, Problem> {
    let mut body = pin!(body);
    let (mut taken, mut came) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad_request("bad_body", "the body ended before its length"))?;
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        came += data.len();
        if came > MOST_IGNORED {
            break;
        }
        if came <= MOST_BODY {
            taken.extend_from_slice(&data);
        }
    }
    if came > MOST_BODY {
        telemetry::limited("body_bytes");
        return Err(Problem::too_large());
    }
    Ok(taken.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::{limited, recorder};
    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tokio::time::Instant;

    /// A byte a second.
    fn dripping(bytes: usize) -> impl Body<Data = Bytes> {
        StreamBody::new(stream::iter(0..bytes).then(|_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_half_a_minute_however_steadily_it_drips() {
        let recorder = recorder();
        let _counted = metrics::set_default_local_recorder(&recorder);
        let begun = Instant::now();
        assert_eq!(take(dripping(60)).await.unwrap_err().code(), "too_slow");
        assert_eq!(begun.elapsed(), WITHIN);
        assert_eq!(take(dripping(20)).await.unwrap().len(), 20);
        assert_eq!(limited(&recorder, "slow_body"), 1.0);
    }
}
