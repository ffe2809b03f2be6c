//! How long who waits for a foreign worker is left waiting, and what a job's standing means for the recording. Pure.

use tokio::time::{Duration, Instant};

use crate::jobs::rq::Standing;
use crate::recording::{Code, State};

/// A file that a worker has written in place, and closed, is found that soon at the latest: ten quiet seconds and two sweeps.
const FOUND_WITHIN: Duration = Duration::from_secs(20);
/// RQ itself ends a job that takes too long; if it has not by then, it never will.
const TIMEOUT_LATE: Duration = Duration::from_secs(120);

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until some worker begins.
    pub to_begin: Duration,
    /// How long a worker may be at one job.
    pub job_timeout: Duration,
}

/// What was seen of a job by one look after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The state's version.
    v: u64,
    standing: Standing,
    /// From when on it has looked like that.
    since: Instant,
    /// It has looked like that before.
    is_repeated: bool,
}

impl Seen {
    /// What this look makes of what the one before saw.
    pub fn again(before: Option<Self>, v: u64, standing: Standing) -> Self {
        // A lost job is in line again in a moment: for one who waits it is the same wait.
        let class = |standing| if standing == Standing::Lost { Standing::Queued } else { standing };
        match before {
            Some(seen) if seen.v == v && class(seen.standing) == class(standing) => {
                Self { standing, is_repeated: true, ..seen }
            }
            _ => Self { v, standing, since: Instant::now(), is_repeated: false },
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Wait,
    /// The recording is in another state now.
    Show(State),
    /// The wait is over, unless the file is there; with the reason for the log.
    Fail(Code, &'static str),
}

impl Patience {
    /// Judges the job of a recording in that state.
    pub(super) fn judge(&self, seen: &Seen, state: State) -> Verdict {
        let waited = seen.since.elapsed();
        match seen.standing {
            // Who has just asked anew may not have made the new job yet, and this is the last one's end: seen twice, it is not.
            Standing::Failed if seen.is_repeated => {
                Verdict::Fail(Code::SourceFailed, "its RQ job failed: rq keeps the reason")
            }
            Standing::Done if waited > FOUND_WITHIN => {
                let why = "its RQ job is done, and there is no file: does that worker mount the same volume?";
                Verdict::Fail(Code::VolumeMismatch, why)
            }
            Standing::Started if waited > self.job_timeout + TIMEOUT_LATE => {
                Verdict::Fail(Code::SourceFailed, "its RQ worker is at it for longer than rq.job_timeout")
            }
            Standing::Lost | Standing::Queued if waited > self.to_begin => {
                Verdict::Fail(Code::QueueUnavailable, "no RQ worker has begun it: are there any for rq.queue?")
            }
            Standing::Started if state == State::Queued => Verdict::Show(State::Downloading),
            Standing::Queued if state == State::Downloading => Verdict::Show(State::Queued),
            _ => Verdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { to_begin: Duration::from_secs(120), job_timeout: Duration::from_secs(180) };

    fn first(standing: Standing) -> Seen {
        Seen::again(None, 1, standing)
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_follows_the_job() {
        assert_eq!(PATIENCE.judge(&first(Standing::Started), State::Queued), Verdict::Show(State::Downloading));
        assert_eq!(PATIENCE.judge(&first(Standing::Queued), State::Downloading), Verdict::Show(State::Queued));
        assert_eq!(PATIENCE.judge(&first(Standing::Started), State::Downloading), Verdict::Wait);
        assert_eq!(
            PATIENCE.judge(&first(Standing::Lost), State::Downloading),
            Verdict::Wait,
            "its worker may be at it"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_believed_when_it_is_seen_twice_of_one_play() {
        let seen = first(Standing::Failed);
        assert_eq!(PATIENCE.judge(&seen, State::Queued), Verdict::Wait);
        let played_anew = Seen::again(Some(seen), 3, Standing::Failed);
        assert_eq!(PATIENCE.judge(&played_anew, State::Queued), Verdict::Wait);
        let twice = Seen::again(Some(played_anew), 3, Standing::Failed);
        assert!(matches!(PATIENCE.judge(&twice, State::Queued), Verdict::Fail(Code::SourceFailed, _)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_worker_begins_ends_and_a_lost_job_begins_no_new_wait() {
        let seen = first(Standing::Queued);
        tokio::time::advance(PATIENCE.to_begin).await;
        let lost = Seen::again(Some(seen), 1, Standing::Lost);
        assert_eq!(PATIENCE.judge(&lost, State::Queued), Verdict::Wait);
        tokio::time::advance(Duration::from_millis(1)).await;
        let queued = Seen::again(Some(lost), 1, Standing::Queued);
        assert!(matches!(PATIENCE.judge(&queued, State::Queued), Verdict::Fail(Code::QueueUnavailable, _)));
        assert_eq!(PATIENCE.judge(&Seen::again(Some(queued), 1, Standing::Started), State::Downloading), Verdict::Wait);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_worker_never_ends_ends() {
        let seen = first(Standing::Started);
        tokio::time::advance(PATIENCE.job_timeout + TIMEOUT_LATE + Duration::from_millis(1)).await;
        assert!(matches!(PATIENCE.judge(&seen, State::Downloading), Verdict::Fail(Code::SourceFailed, _)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_is_done_without_a_file_means_another_volume_after_a_while() {
        let seen = first(Standing::Done);
        tokio::time::advance(FOUND_WITHIN).await;
        let again = Seen::again(Some(seen), 1, Standing::Done);
        assert_eq!(PATIENCE.judge(&again, State::Downloading), Verdict::Wait);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(matches!(PATIENCE.judge(&again, State::Downloading), Verdict::Fail(Code::VolumeMismatch, _)));
    }
}
