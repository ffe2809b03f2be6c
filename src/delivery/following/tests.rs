//! Who follows a landing, step by step: the test is the worker, and writes when it says so.

use super::*;
use crate::catalog::Change;
use crate::delivery::tests::{Bench, mp3, watched};
use crate::recording::Code;
use crate::telemetry::testing::{limited, recorder};
use crate::volume::{Landing, LandingError};

const SIZE: u64 = 144_000;
const COME: u64 = 100_000;

struct Followed {
    bench: Bench,
    landing: Landing,
    bytes: Vec<u8>,
    following: Following,
}

/// A part of which so much has come, of a recording that somebody listens to.
async fn followed() -> Followed {
    let (bench, watched) = watched().await;
    let bytes = mp3().repeat(10);
    assert_eq!(bytes.len() as u64, SIZE);
    let mut landing = bench.delivery.0.volume.begin(bench.sid, Some(SIZE)).unwrap();
    write(&mut landing, &bytes[..COME as usize]).unwrap();
    let status = bench.catalog.change(bench.sid, &[State::Unknown], Change::to(State::Downloading)).await.unwrap();
    bench.delivery.changed((*watched.seen.recording).clone(), status.unwrap()).await;
    let following = bench.delivery.follow(&Scope::Every, bench.sid).await.unwrap().unwrap();
    Followed { bench, landing, bytes, following }
}

fn write(landing: &mut Landing, bytes: &[u8]) -> Result<(), LandingError> {
    landing.write(bytes)?;
    landing.show()
}

impl Followed {
    /// All that has come, in as many pieces as it takes.
    async fn take(&mut self, range: Range<u64>) -> Vec<u8> {
        let mut came = Vec::new();
        while (came.len() as u64) < range.end - range.start {
            came.extend(self.following.next(range.start + came.len() as u64..range.end).await.unwrap());
        }
        came
    }

    /// Says what has become of it.
    async fn says(&self, state: State, code: Option<Code>) {
        let v = self.bench.delivery.look_at(&Scope::Every, self.bench.sid).await.unwrap().status.v + 1;
        let status = Status { v, state, code, ..Status::unknown() };
        self.bench.delivery.changed((*self.following.recording).clone(), status).await;
    }
}

#[tokio::test]
async fn the_last_byte_is_sent_when_all_have_landed() {
    let mut it = followed().await;
    assert!(it.take(0..COME).await == it.bytes[..COME as usize]);
    write(&mut it.landing, &it.bytes[COME as usize..]).unwrap();
    assert!(it.take(COME..SIZE - 1).await == it.bytes[COME as usize..SIZE as usize - 1]);
    assert!(it.following.next(SIZE - 1..SIZE).now_or_never().is_none());
    let media = it.landing.commit().unwrap();
    let landed = it.bench.delivery.landed(it.bench.sid, Some(media));
    let (last, ()) = tokio::join!(it.following.next(SIZE - 1..SIZE), landed);
    assert!(last.unwrap() == it.bytes[SIZE as usize - 1..] && it.following.has_landed());
}

#[tokio::test]
async fn what_another_worker_lands_is_joined_only_where_it_begins_alike() {
    let other = |at: usize| {
        let mut other = mp3().repeat(10);
        other[at] ^= 1;
        other
    };
    // Of another length, of another beginning, and as it was as far as it had come.
    for (file, is_same) in [(mp3(), false), (other(50_000), false), (other(COME as usize), true)] {
        let mut it = followed().await;
        assert!(it.take(0..COME).await == it.bytes[..COME as usize]);
        std::fs::write(it.bench.delivery.0.volume.root().join(format!("{}.mp3", it.bench.sid)), &file).unwrap();
        let landed = it.bench.delivery.landed(it.bench.sid, None);
        let (next, ()) = tokio::join!(it.following.next(COME..SIZE), landed);
        match next {
            Ok(rest) => assert!(is_same && rest == file[COME as usize..]),
            Err(error) => assert!(!is_same && matches!(error, FollowError::Another), "{error}"),
        }
    }
}

#[tokio::test]
async fn what_has_come_is_not_sent_once_it_is_gone() {
    let mut it = followed().await;
    it.says(State::Gone, Some(Code::Erased)).await;
    assert!(matches!(it.following.next(0..COME).await, Err(FollowError::Ended(State::Gone))));
}

#[tokio::test]
async fn of_more_changes_than_are_kept_the_last_counts() {
    let mut it = followed().await;
    for _ in 0..MOST_CHANGES {
        it.says(State::Queued, Some(Code::SourceBusy)).await;
        it.says(State::Downloading, None).await;
    }
    it.says(State::Failed, Some(Code::SourceFailed)).await;
    assert!(matches!(it.following.next(0..COME).await, Err(FollowError::Ended(State::Failed))));
}

#[tokio::test]
async fn a_minute_without_a_byte_is_the_end_and_a_slow_source_is_not() {
    let recorder = recorder();
    let _counted = metrics::set_default_local_recorder(&recorder);
    let mut it = followed().await;
    tokio::time::pause();
    let begun = Instant::now();
    let (landing, bytes) = (&mut it.landing, &it.bytes);
    let source = async {
        for at in [COME, COME + 10_000, COME + 20_000] {
            tokio::time::sleep(STALLED * 3 / 4).await;
            write(landing, &bytes[at as usize..at as usize + 10_000]).unwrap();
        }
    };
    let (far, ()) = tokio::join!(it.following.next(COME + 25_000..SIZE), source);
    assert!(far.unwrap().len() == 5_000);
    assert!(begun.elapsed() >= 2 * STALLED);
    let begun = Instant::now();
    assert!(matches!(it.following.next(COME + 30_000..SIZE).await, Err(FollowError::Stalled)));
    assert!((STALLED..STALLED + 2 * LOOK_EVERY).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(limited(&recorder, "following_stalled"), 1.0);
}
