//! Retention on a real volume and a real catalog.

use std::sync::Mutex;

use super::*;
use crate::catalog::{NewCall, SqliteCatalog};
use crate::recording::{About, Scope, Status, Tenant};
use crate::telemetry::testing::{counted, recorder};

/// What servers are told.
#[derive(Default)]
struct Told(Mutex<Vec<(Sid, State)>>);

impl Signals for Told {
    fn send(&self, signal: Signal) {
        if let Signal::Changed(row) = signal {
            self.0.lock().unwrap().push((row.0.sid, row.1.state));
        }
    }
}

struct Bench {
    _directory: tempfile::TempDir,
    catalog: Arc<dyn Catalog>,
    volume: Volume,
    told: Arc<Told>,
}

fn sid(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

fn mp3() -> Vec<u8> {
    let mut frame = vec![0xff, 0xf3, 0x48, 0xc0];
    frame.resize(144, 0);
    frame.repeat(100)
}

impl Bench {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let volume = Volume::open(&directory.path().join("recordings")).unwrap();
        let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
        Self { _directory: directory, catalog: Arc::new(catalog), volume, told: Arc::default() }
    }

    /// A call that began so long after the epoch, and a file of it.
    async fn placed(&self, n: u32, started_at: i64) {
        let about = About { started_at: Some(Timestamp(started_at)), ..About::default() };
        let (tenant, account_sid) = (Tenant::new("t").unwrap(), "AC1".into());
        let call = NewCall { call_sid: sid(n), tenant, account_sid, recording_sid: None, about };
        self.catalog.register(&call).await.unwrap();
        std::fs::write(self.path(n), mp3()).unwrap();
    }

    fn path(&self, n: u32) -> std::path::PathBuf {
        self.volume.root().join(format!("{}.mp3", sid(n)))
    }

    fn retention(&self, days: Option<u32>, max_bytes: Option<u64>) -> Retention {
        let options = RetentionOptions { days, max_bytes, delete_at_source: false };
        Retention::new(self.catalog.clone(), self.volume.clone(), self.told.clone(), options)
    }

    async fn removed(&self, days: Option<u32>, max_bytes: Option<u64>) -> Vec<(Sid, Reason)> {
        let mut removed = Vec::new();
        let note = |removal: Removal| removed.push((removal.sid, removal.reason));
        self.retention(days, max_bytes).run(false, note).await.unwrap();
        removed
    }

    async fn status(&self, n: u32) -> Status {
        self.catalog.find(&[sid(n)]).await.unwrap().remove(0).unwrap().1
    }
}

#[tokio::test]
async fn what_came_while_nobody_looked_is_noted_and_what_was_erased_is_removed() {
    let bench = Bench::new().await;
    for n in 1..=2 {
        bench.placed(n, 1000).await;
    }
    bench.catalog.erase(&Scope::Every, sid(2), false).await.unwrap();
    std::fs::write(bench.path(3), mp3()).unwrap();
    bench.retention(None, None).take_stock().await.unwrap();
    assert_eq!(bench.status(1).await.state, State::Ready);
    assert!(bench.status(2).await.is_erased());
    assert_eq!([1, 2, 3].map(|n| bench.path(n).exists()), [true, false, true], "what is nobody's is left alone");
    assert_eq!(*bench.told.0.lock().unwrap(), [(sid(1), State::Ready)]);
}

#[tokio::test]
async fn age_comes_before_bytes_and_both_begin_with_the_oldest() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    for (n, days) in [(1, 1), (2, 40), (3, 3), (4, 50), (5, 2)] {
        bench.placed(n, now.minus(DAY * days).0).await;
    }
    bench.retention(None, None).take_stock().await.unwrap();
    bench.told.0.lock().unwrap().clear();
    let size = mp3().len() as u64;
    let recorder = recorder();
    let _counted = metrics::set_default_local_recorder(&recorder);
    let removed = bench.removed(Some(30), Some(2 * size)).await;
    for (reason, number) in [("days", 2.0), ("bytes", 1.0)] {
        assert_eq!(counted(&recorder, &format!("landfall_retention_removed_total{{reason=\"{reason}\"}}")), number);
    }
    assert_eq!(removed, [(sid(4), Reason::Days), (sid(2), Reason::Days), (sid(3), Reason::Bytes)]);
    assert_eq!([1, 2, 3, 4, 5].map(|n| bench.path(n).exists()), [true, false, false, false, true]);
    assert_eq!(bench.told.0.lock().unwrap().len(), 3, "who waits is told");
    assert_eq!(bench.status(3).await.code, Some(crate::recording::Code::Expired));
    assert_eq!(bench.removed(Some(30), Some(2 * size)).await, [], "and once");
}

#[tokio::test]
async fn more_than_one_batch_goes_in_one_run_past_what_stays() {
    let bench = Bench::new().await;
    let last = AT_ONCE as u32 + 10;
    for n in 1..=last {
        bench.placed(n, i64::from(n)).await;
    }
    bench.retention(None, None).take_stock().await.unwrap();
    bench.catalog.hold(sid(7), true).await.unwrap();
    let served = bench.volume.find(sid(9)).unwrap().unwrap();
    assert!(crate::volume::serve_lock(&served.file));
    assert_eq!(bench.removed(Some(1), None).await.len(), AT_ONCE + 8);
    assert!(bench.path(7).exists() && bench.path(9).exists());
}
