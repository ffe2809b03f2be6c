//! What happens on a socket because time passes: pings, the end of a token, the end of the server.

use tokio::time::{Duration, Instant};

use crate::auth::{Caller, LEEWAY};
use crate::recording::Timestamp;

/// From ping to ping.
pub(super) const PING_EVERY: Duration = Duration::from_secs(25);
/// From ping to pong.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// How long before its end a token's holder is told.
const WARNING: Duration = Duration::from_secs(30);

/// The moments to come.
pub(super) struct Clock {
    ping_at: Instant,
    pong_by: Option<Instant>,
    warn_at: Option<Instant>,
    /// The token's end, with the leeway.
    ends_at: Instant,
    leave_at: Option<Instant>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Ping,
    NoPong,
    /// The token ends in this time.
    Expiring(Duration),
    Expired,
    Leave,
}

impl Clock {
    pub fn start(caller: &Caller) -> Self {
        let now = Instant::now();
        let mut clock = Self { ping_at: now + PING_EVERY, pong_by: None, warn_at: None, ends_at: now, leave_at: None };
        clock.renew(caller);
        clock
    }

    /// A new token counts from now on.
    pub fn renew(&mut self, caller: &Caller) {
        let left = caller.expires.since(Timestamp::now());
        // No timer reaches further than this; a token that does is as good as endless.
        let left = left.min(Duration::from_secs(10 * 365 * 86_400));
        let ends = caller.expires.plus(LEEWAY).since(Timestamp::now()).min(left + LEEWAY);
        self.ends_at = Instant::now() + ends;
        self.warn_at = Some(Instant::now() + left.saturating_sub(WARNING));
    }

    pub fn pong(&mut self) {
        self.pong_by = None;
    }

    pub fn leave_after(&mut self, delay: Duration) {
        self.leave_at = Some(Instant::now() + delay);
    }

    pub fn is_leaving(&self) -> bool {
        self.leave_at.is_some()
    }

    /// When to look next.
    pub fn next(&self) -> Instant {
        let moments = [self.pong_by, self.warn_at, self.leave_at];
        moments.into_iter().flatten().fold(self.ping_at.min(self.ends_at), Instant::min)
    }

    /// What is due now, one at a time.
    pub fn due(&mut self) -> Option<Due> {
        let now = Instant::now();
        let has_come = |moment: Option<Instant>| moment.is_some_and(|moment| moment <= now);
        if has_come(self.leave_at) {
            return Some(Due::Leave);
        }
        if self.ends_at <= now {
            return Some(Due::Expired);
        }
        if has_come(self.pong_by) {
            return Some(Due::NoPong);
        }
        if has_come(self.warn_at) {
            self.warn_at = None;
            return Some(Due::Expiring((self.ends_at - LEEWAY).saturating_duration_since(now)));
        }
        if self.ping_at <= now {
            self.ping_at = now + PING_EVERY;
            self.pong_by.get_or_insert(now + PONG_WITHIN);
            return Some(Due::Ping);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;
    use crate::recording::Scope;

    fn caller(seconds: u64) -> Caller {
        let expires = Timestamp::now().plus(Duration::from_secs(seconds));
        Caller { user: "u".into(), scope: Scope::Every, role: Role::Agent, expires }
    }

    async fn next(clock: &mut Clock) -> (u64, Due) {
        let start = Instant::now();
        loop {
            tokio::time::sleep_until(clock.next()).await;
            if let Some(due) = clock.due() {
                return (start.elapsed().as_secs(), due);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ping_that_is_answered_is_followed_by_the_next_and_one_that_is_not_ends_it() {
        let mut clock = Clock::start(&caller(3600));
        assert_eq!(next(&mut clock).await, (25, Due::Ping));
        clock.pong();
        assert_eq!(next(&mut clock).await, (25, Due::Ping));
        assert_eq!(next(&mut clock).await, (10, Due::NoPong));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_warned_of_and_ends_after_the_leeway_unless_renewed() {
        let mut clock = Clock::start(&caller(20));
        assert!(matches!(next(&mut clock).await, (0, Due::Expiring(left)) if left.as_secs() >= 19));
        clock.renew(&caller(45));
        assert!(matches!(next(&mut clock).await, (14 | 15, Due::Expiring(_))));
        assert_eq!(next(&mut clock).await.1, Due::Ping);
        clock.pong();
        assert_eq!(next(&mut clock).await.1, Due::Ping);
        clock.pong();
        assert!(matches!(next(&mut clock).await, (_, Due::Expired)));
    }
}
