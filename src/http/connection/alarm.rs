//! A moment that keeps moving away: the timer is set anew only when it rings, since what moves the moment happens often. Knows not
//! what is waited for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at the earliest when its moment has come.
pub(super) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// For the first moment. A later one may be asked for at any time, an earlier one may not.
    pub fn at(moment: Instant) -> Self {
        Self(Box::pin(sleep_until(moment)))
    }

    /// Ready when `moment` has come.
    pub fn poll(&mut self, cx: &mut Context<'_>, moment: Instant) -> Poll<()> {
        loop {
            ready!(self.0.as_mut().poll(cx));
            if Instant::now() >= moment {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(moment);
        }
    }
}
