//! Races between a landing and the catalog, forced: a writer's lock on the catalog's file is the pause point.

use sqlx::{Connection, SqliteConnection};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::catalog::{NewCall, SqliteCatalog};
use crate::jobs::EmbeddedJobs;
use crate::recording::{About, Code, Container, Media, Tenant};
use crate::signals::Signal;

const MEDIA: Media = Media { container: Container::Mp3, size: 1000, channels: 1, duration_ms: 250 };

pub(super) fn mp3() -> Vec<u8> {
    let mut frame = vec![0xff, 0xf3, 0x48, 0xc0];
    frame.resize(144, 0);
    frame.repeat(100)
}

pub(super) struct Bench {
    directory: tempfile::TempDir,
    pub delivery: Delivery,
    pub catalog: Arc<dyn Catalog>,
    mailbox: Arc<Mailbox>,
    pub sid: Sid,
}

/// A recording that a listener watches.
pub(super) async fn watched() -> (Bench, Watched) {
    let directory = tempfile::tempdir().unwrap();
    let volume = Volume::open(&directory.path().join("recordings")).unwrap();
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    let catalog: Arc<dyn Catalog> = Arc::new(catalog);
    let sid: Sid = format!("CA{:032x}", 1).parse().unwrap();
    let (tenant, about) = (Tenant::new("t").unwrap(), About::default());
    let call = NewCall { call_sid: sid, tenant: tenant.clone(), account_sid: "AC1".into(), recording_sid: None, about };
    catalog.register(&call).await.unwrap();
    let delivery = Delivery::new(catalog.clone(), None, Arc::new(EmbeddedJobs::new(3)), Registry::default(), volume);
    let mailbox = Mailbox::new(16);
    let mut watched = delivery.watch(&Scope::Tenant(tenant), &[sid], Intent::Watch, &mailbox).await;
    let watched = watched.remove(0).unwrap();
    (Bench { directory, delivery, catalog, mailbox, sid }, watched)
}

impl Bench {
    /// Nobody else writes into the catalog until this connection commits.
    async fn lock(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.directory.path().join("landfall.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        connection
    }

    async fn told(&self) -> Vec<(u64, State)> {
        self.mailbox.take().await.events.iter().map(|event| (event.status.v, event.status.state)).collect()
    }

    async fn nothing_more(&self) {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(self.mailbox.poll_take(&mut cx).is_pending());
    }

    async fn noted(&self) -> Status {
        self.catalog.find(&[self.sid]).await.unwrap().remove(0).unwrap().1
    }
}

#[tokio::test]
async fn listeners_do_not_wait_for_the_catalog_and_it_counts_as_they_were_told() {
    let (bench, _watched) = watched().await;
    let lock = bench.lock().await;
    let landing = bench.delivery.landed(bench.sid, Some(MEDIA));
    let listener = async {
        assert_eq!(bench.told().await, [(2, State::Ready)]);
        assert_eq!(bench.noted().await.state, State::Unknown);
        lock.close().await.unwrap();
    };
    tokio::join!(landing, listener);
    assert_eq!((bench.noted().await.v, bench.noted().await.state), (2, State::Ready));
    bench.nothing_more().await;
}

#[tokio::test]
async fn who_is_served_by_the_thread_that_hears_of_a_landing_is_told_by_it_at_once() {
    let (bench, _watched) = watched().await;
    let tell = || assert!(bench.delivery.tell_here(bench.sid).is_none(), "there is no crowd");
    tell();
    std::fs::write(bench.directory.path().join(format!("recordings/{}.mp3", bench.sid)), mp3()).unwrap();
    std::thread::scope(|scope| scope.spawn(tell).join()).unwrap();
    // Nothing had landed; and another thread has no listeners.
    bench.nothing_more().await;
    tell();
    assert_eq!(bench.told().await, [(2, State::Ready)]);
    assert_eq!(bench.noted().await.state, State::Unknown, "the catalog is left to others");
}

#[tokio::test]
async fn landings_that_are_heard_of_are_told_at_once_and_noted_together() {
    let (bench, _watched) = watched().await;
    let Bench { delivery, catalog, sid, .. } = &bench;
    let other: Sid = format!("CA{:032x}", 2).parse().unwrap();
    let (tenant, about) = (Tenant::new("t").unwrap(), About::default());
    let call = NewCall { call_sid: other, tenant, account_sid: "AC1".into(), recording_sid: None, about };
    catalog.register(&call).await.unwrap();
    delivery.heed(Signal::Landed(*sid, Some(MEDIA))).await;
    assert_eq!(bench.told().await, [(2, State::Ready)]);
    // A file of others that nobody waits for; and one that is gone again.
    std::fs::write(bench.directory.path().join(format!("recordings/{other}.mp3")), mp3()).unwrap();
    delivery.note_later(other);
    delivery.note_later(format!("CA{:032x}", 3).parse().unwrap());
    assert_eq!(bench.noted().await.state, State::Unknown);
    let stop = CancellationToken::new();
    stop.cancel();
    delivery.clone().note_landings(stop).await;
    let rows = catalog.find(&[*sid, other]).await.unwrap();
    let noted: Vec<_> = rows.into_iter().flatten().map(|(_, status)| (status.v, status.state)).collect();
    assert_eq!(noted, [(2, State::Ready); 2]);
    bench.nothing_more().await;
}

#[tokio::test]
async fn a_landing_after_a_failure_is_told_though_the_catalog_counts_the_same() {
    let (bench, watched) = watched().await;
    let Bench { delivery, catalog, sid, .. } = &bench;
    catalog.change(*sid, &[State::Unknown], Change::to(State::Queued)).await.unwrap();
    delivery.changed((*watched.seen.recording).clone(), bench.noted().await).await;
    delivery.heed(Signal::GivenUp(*sid, Code::SourceFailed)).await;
    delivery.heed(Signal::Landed(*sid, Some(MEDIA))).await;
    assert_eq!(bench.told().await, [(2, State::Queued), (3, State::Failed), (4, State::Ready)]);
}

#[tokio::test]
async fn who_reads_the_catalog_finds_in_it_what_has_landed_before() {
    let (bench, _watched) = watched().await;
    let stop = CancellationToken::new();
    let reading = async {
        bench.delivery.heed(Signal::Landed(bench.sid, Some(MEDIA))).await;
        // Longer than a reader is patient, where the disk is slow.
        while bench.noted().await.state != State::Ready {
            bench.delivery.until_noted().await;
        }
        stop.cancel();
    };
    tokio::join!(bench.delivery.clone().note_landings(stop.clone()), reading);
}

#[tokio::test]
async fn what_the_catalog_does_not_take_is_noted_as_soon_as_it_does() {
    let (bench, _watched) = watched().await;
    let mut outage = bench.lock().await;
    sqlx::raw_sql("ALTER TABLE recordings RENAME TO away; COMMIT").execute(&mut outage).await.unwrap();
    let stop = CancellationToken::new();
    let outage_ends = async {
        bench.delivery.heed(Signal::Landed(bench.sid, Some(MEDIA))).await;
        bench.delivery.until_noted().await;
        assert!(bench.catalog.find(&[bench.sid]).await.is_err(), "nobody has waited for ever");
        sqlx::query("ALTER TABLE away RENAME TO recordings").execute(&mut outage).await.unwrap();
        while bench.noted().await.state != State::Ready {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
    };
    tokio::join!(bench.delivery.clone().note_landings(stop.clone()), outage_ends);
}

#[tokio::test]
async fn an_erasure_wins_against_a_landing_that_was_told_before_the_catalog_could_note_it() {
    let (bench, watched) = watched().await;
    let mut eraser = bench.lock().await;
    let landing = bench.delivery.landed(bench.sid, Some(MEDIA));
    let erasure = async {
        assert_eq!(bench.told().await, [(2, State::Ready)]);
        let gone = "UPDATE recordings SET state = 'gone', code = 'erased', v = v + 1";
        sqlx::query(gone).execute(&mut eraser).await.unwrap();
        sqlx::query("COMMIT").execute(&mut eraser).await.unwrap();
    };
    tokio::join!(landing, erasure);
    assert_eq!(bench.told().await, [(3, State::Gone)], "a newer version, or clients would ignore it");
    assert_eq!(bench.noted().await.state, State::Gone);
    bench.delivery.landed(bench.sid, Some(MEDIA)).await;
    bench.delivery.changed((*watched.seen.recording).clone(), Status { v: 2, ..bench.noted().await }).await;
    bench.nothing_more().await;
}

#[tokio::test]
async fn who_plays_while_the_tombstone_is_being_written_hears_nothing_after_it() {
    let (bench, watched) = watched().await;
    let scope = Scope::Tenant(watched.seen.recording.tenant.clone());
    let path = bench.directory.path().join(format!("recordings/{}.mp3", bench.sid));
    std::fs::write(&path, mp3()).unwrap();
    bench.delivery.landed(bench.sid, Some(MEDIA)).await;
    bench.told().await;
    let lock = bench.lock().await;
    let erasure = bench.delivery.erase(&scope, bench.sid, false);
    let play = async {
        let Opened::File(shelved) = bench.delivery.open(&scope, bench.sid).await.unwrap() else { panic!() };
        lock.close().await.unwrap();
        assert_eq!(bench.told().await, [(3, State::Gone)]);
        drop(shelved);
    };
    let (erased, ()) = tokio::join!(erasure, play);
    erased.unwrap();
    assert!(bench.delivery.at_hand(&scope, bench.sid).is_none(), "it has left the shelf");
    assert!(!path.exists());
    let Opened::Not(seen) = bench.delivery.open(&scope, bench.sid).await.unwrap() else { panic!() };
    assert_eq!(seen.status.code, Some(Code::Erased));
}

#[test]
fn who_has_looked_before_the_erasure_and_opens_after_it_gets_nothing() {
    // The pause point: the one thread that may open files is busy until the tombstone is known.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (bench, watched) = watched().await;
        let scope = Scope::Tenant(watched.seen.recording.tenant.clone());
        std::fs::write(bench.directory.path().join(format!("recordings/{}.mp3", bench.sid)), mp3()).unwrap();
        bench.delivery.landed(bench.sid, Some(MEDIA)).await;
        let row = bench.catalog.erase(&scope, bench.sid, false).await.unwrap().remove(0);
        let (go, paused) = std::sync::mpsc::channel();
        let busy = blocking(move || paused.recv().unwrap());
        let open = bench.delivery.open(&scope, bench.sid);
        let erasure = async {
            bench.delivery.0.registry.pin(bench.sid).seed(row.0, row.1).send().await;
            go.send(()).unwrap();
        };
        let ((), opened, ()) = tokio::join!(biased; busy, open, erasure);
        assert!(matches!(opened.unwrap(), Opened::Not(seen) if seen.status.state == State::Gone));
        assert!(bench.delivery.at_hand(&scope, bench.sid).is_none());
    });
}

#[tokio::test(start_paused = true)]
async fn a_file_counts_as_being_served_for_a_minute_after_its_last_use_and_while_it_is_being_sent() {
    let directory = tempfile::tempdir().unwrap();
    let volume = Volume::open(directory.path()).unwrap();
    let sid: Sid = format!("CA{:032x}", 1).parse().unwrap();
    std::fs::write(directory.path().join(format!("{sid}.mp3")), mp3()).unwrap();
    let recording = Recording {
        sid,
        call_sid: sid,
        recording_sid: None,
        account_sid: "AC1".into(),
        tenant: Tenant::new("t").unwrap(),
        about: About::default(),
    };
    let shelf = Shelf::default();
    let recording = Arc::new(recording);
    let open = || {
        let landed = volume.find(sid).unwrap().unwrap();
        shelf.put(Shelved::map(sid, recording.clone(), landed).unwrap())
    };
    let sent = open();
    let served = || volume.claim(sid).unwrap().is_none();
    for minutes in [2, 2] {
        tokio::time::advance(Duration::from_secs(60 * minutes)).await;
        shelf.release_unused();
        assert!(served(), "it is being sent");
    }
    drop(sent);
    tokio::time::advance(Duration::from_secs(59)).await;
    shelf.release_unused();
    assert!(served(), "its listener may only have paused");
    tokio::time::advance(Duration::from_secs(2)).await;
    shelf.release_unused();
    assert!(!served());
    assert!(shelf.get(sid).is_none(), "it is closed");
    drop(open());
    assert!(shelf.get(sid).is_some());
    assert!(served(), "somebody has come back");
    tokio::time::advance(Duration::from_secs(61)).await;
    shelf.release_unused();
    let claim = volume.claim(sid).unwrap().unwrap();
    drop(open());
    assert!(shelf.get(sid).is_none(), "what is about to be removed is not served any more");
    drop(claim);
}

#[tokio::test]
async fn a_landing_of_what_nobody_watches_needs_only_the_catalog() {
    let (bench, watched) = watched().await;
    drop(watched);
    bench.delivery.landed(bench.sid, Some(MEDIA)).await;
    assert_eq!((bench.noted().await.v, bench.noted().await.state), (2, State::Ready));
    bench.delivery.landed(bench.sid, Some(MEDIA)).await;
    assert_eq!(bench.noted().await.v, 2, "told twice, noted once");
}

#[tokio::test]
async fn while_workers_land_elsewhere_who_waits_is_told_and_nothing_is_lost_when_that_is_mended() {
    let (bench, _watched) = watched().await;
    let scope = Scope::Tenant(Tenant::new("t").unwrap());
    let Bench { delivery, catalog, sid, .. } = &bench;
    delivery.play(&scope, *sid).await.unwrap();
    assert_eq!(bench.told().await, [(2, State::Queued)]);
    delivery.set_elsewhere(true).await;
    let seen = delivery.look_at(&scope, *sid).await.unwrap().status;
    assert_eq!((seen.state, seen.code), (State::Failed, Some(Code::VolumeMismatch)));
    assert_eq!(bench.told().await, [(3, State::Failed)]);
    // A worker says that it has landed, and the catalog too: not where we look.
    delivery.heed(Signal::Landed(*sid, Some(MEDIA))).await;
    catalog.landed(&[(*sid, MEDIA)]).await.unwrap();
    delivery.sweep().await;
    let again = delivery.play(&scope, *sid).await.unwrap().status;
    assert_eq!((again.state, again.code), (State::Failed, Some(Code::VolumeMismatch)));
    let row = catalog.find(&[*sid]).await.unwrap().remove(0).unwrap();
    assert_eq!(row.1.state, State::Ready, "what others may see is not called lost");
    // The mount is mended, and there it lies.
    std::fs::write(bench.directory.path().join(format!("recordings/{sid}.mp3")), mp3()).unwrap();
    delivery.set_elsewhere(false).await;
    assert_eq!(bench.told().await.last().unwrap().1, State::Ready);
    assert!(matches!(delivery.open(&scope, *sid).await.unwrap(), Opened::File(_)));
}
