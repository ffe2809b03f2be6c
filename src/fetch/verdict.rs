//! What a failed try means: pure rules over the error and the job's history.

use rand::RngExt;
use tokio::time::Duration;

use super::FetchError;
use crate::recording::Code;
use crate::source::SourceError;

/// Between two looks for a catalog that does not answer.
pub(super) const CATALOG_PAUSE: Duration = Duration::from_secs(1);
/// Backoff grows from here …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … to here.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// 404s of a call that has long been over are no propagation delay: so many tries settle it.
const TRIES_FOR_OLD: u32 = 2;

/// What is known of a job's tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    /// Tries before this one.
    pub tries: u32,
    /// Since the first try began.
    pub since_first: Duration,
    /// The longest time from the first try to the last.
    pub give_up_after: Duration,
    /// The call was over long ago.
    pub old: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Again after a while.
    Retry(Code, Duration),
    /// The end, until somebody plays it again.
    Fail(Code),
    /// There will never be one.
    Gone(Code),
}

impl Verdict {
    pub fn on(error: &FetchError, history: History) -> Self {
        let code = error.code();
        let pause = pause(error, history.tries);
        // A try that could only begin after the end is none.
        let over = history.since_first + pause > history.give_up_after;
        match error {
            FetchError::Source(SourceError::Gone(code)) => Self::Gone(*code),
            // An operator must mend it first.
            FetchError::Source(SourceError::Unauthorized(_) | SourceError::Refused(_)) | FetchError::Deadly => {
                Self::Fail(code)
            }
            FetchError::Source(SourceError::NotFound { .. })
                if over || (history.old && history.tries >= TRIES_FOR_OLD) =>
            {
                Self::Gone(Code::DeletedAtSource)
            }
            FetchError::Source(_) | FetchError::Landing(_) | FetchError::Catalog(_) if over => {
                // Why it is being tried again is no reason for giving up.
                let last = matches!(code, Code::NotYetAtSource | Code::SourceBusy);
                Self::Fail(if last { Code::SourceFailed } else { code })
            }
            _ => Self::Retry(code, pause),
        }
    }
}

/// Exponential backoff with full jitter, but never at once; what the source asks for comes first.
fn pause(error: &FetchError, tries: u32) -> Duration {
    match error {
        FetchError::Source(SourceError::Busy { retry_after: Some(after) }) => return *after,
        FetchError::Catalog(_) => return CATALOG_PAUSE,
        _ => {}
    }
    let ceiling = FIRST_PAUSE.saturating_mul(1 << tries.min(8)).min(LONGEST_PAUSE);
    let floor = FIRST_PAUSE / 4;
    floor + (ceiling - floor).mul_f64(rand::rng().random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Timestamp;

    const NOT_FOUND: SourceError = SourceError::NotFound { at: Timestamp(0) };
    const GIVE_UP: Duration = Duration::from_secs(120);

    fn after(tries: u32, seconds: u64) -> History {
        History { tries, since_first: Duration::from_secs(seconds), give_up_after: GIVE_UP, old: false }
    }

    fn on(error: SourceError, history: History) -> Verdict {
        Verdict::on(&FetchError::Source(error), history)
    }

    #[test]
    fn fresh_404s_are_tried_again_and_at_last_mean_that_it_was_deleted() {
        assert!(matches!(on(NOT_FOUND, after(0, 0)), Verdict::Retry(Code::NotYetAtSource, _)));
        assert_eq!(on(NOT_FOUND, after(9, 120)), Verdict::Gone(Code::DeletedAtSource));
    }

    #[test]
    fn a_404_of_an_old_call_is_believed_sooner() {
        let old = |tries| History { old: true, ..after(tries, 5) };
        assert!(matches!(on(NOT_FOUND, old(1)), Verdict::Retry(..)));
        assert_eq!(on(NOT_FOUND, old(2)), Verdict::Gone(Code::DeletedAtSource));
    }

    #[test]
    fn refused_credentials_and_refused_hosts_stop_at_once() {
        assert_eq!(on(SourceError::Unauthorized("no".into()), after(0, 0)), Verdict::Fail(Code::SourceUnauthorized));
        assert_eq!(on(SourceError::Refused("no".into()), after(0, 0)), Verdict::Fail(Code::SourceFailed));
    }

    #[test]
    fn the_source_says_how_long_to_wait_and_giving_up_names_the_source() {
        let busy = || SourceError::Busy { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(on(busy(), after(3, 0)), Verdict::Retry(Code::SourceBusy, Duration::from_secs(7)));
        assert_eq!(on(busy(), after(3, 115)), Verdict::Fail(Code::SourceFailed));
    }

    #[test]
    fn pauses_grow_are_spread_and_are_bounded() {
        for tries in 0..40 {
            let Verdict::Retry(_, pause) = on(SourceError::Failed("500".into()), after(tries, 0)) else {
                panic!("it is too early to give up");
            };
            assert!(pause >= FIRST_PAUSE / 4 && pause <= LONGEST_PAUSE);
            assert!(pause <= FIRST_PAUSE * (1 << tries.min(8)));
        }
    }
}
