//! Races between a landing and the catalog, forced: a writer's lock on the catalog's file is the pause point.

use sqlx::{Connection, SqliteConnection};

use super::*;
use crate::catalog::{NewCall, SqliteCatalog};
use crate::jobs::EmbeddedJobs;
use crate::recording::{About, Container, Media, Tenant};

const MEDIA: Media = Media { container: Container::Mp3, size: 1000, channels: 1, duration_ms: 250 };

struct Bench {
    directory: tempfile::TempDir,
    delivery: Delivery,
    catalog: Arc<dyn Catalog>,
    mailbox: Arc<Mailbox>,
    sid: Sid,
}

/// A recording that a listener watches.
async fn watched() -> (Bench, Watched) {
    let directory = tempfile::tempdir().unwrap();
    let volume = Volume::open(&directory.path().join("recordings")).unwrap();
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    let catalog: Arc<dyn Catalog> = Arc::new(catalog);
    let sid: Sid = format!("CA{:032x}", 1).parse().unwrap();
    let (tenant, about) = (Tenant::new("t").unwrap(), About::default());
    let call = NewCall { call_sid: sid, tenant: tenant.clone(), account_sid: "AC1".into(), recording_sid: None, about };
    catalog.register(&call).await.unwrap();
    let delivery = Delivery::new(catalog.clone(), Arc::new(EmbeddedJobs::new(3)), Registry::default(), volume);
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
async fn a_landing_of_what_nobody_watches_needs_only_the_catalog() {
    let (bench, watched) = watched().await;
    drop(watched);
    bench.delivery.landed(bench.sid, Some(MEDIA)).await;
    assert_eq!((bench.noted().await.v, bench.noted().await.state), (2, State::Ready));
    bench.delivery.landed(bench.sid, Some(MEDIA)).await;
    assert_eq!(bench.noted().await.v, 2, "told twice, noted once");
}
