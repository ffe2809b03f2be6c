//! Races between a landing and an erasure, forced: the source's stream and the signals are the pause points.

use std::sync::{Mutex, mpsc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Notify;

use super::*;
use crate::catalog::{NewCall, SqliteCatalog};
use crate::jobs::{Depth, EmbeddedJobs};
use crate::recording::{About, Scope, Tenant};

fn mp3() -> Vec<u8> {
    let mut frame = vec![0xff, 0xf3, 0x48, 0xc0];
    frame.resize(144, 0);
    frame.repeat(100)
}

/// Sends everything, and ends when it is told to.
#[derive(Default)]
struct Provider {
    all_sent: Arc<Notify>,
    end: Arc<Notify>,
}

#[async_trait]
impl Source for Provider {
    async fn find(&self, _: &str, call_sid: Sid) -> Result<Sid, SourceError> {
        format!("RE{}", &call_sid.as_str()[2..]).parse().map_err(|_| SourceError::NotFound { at: Timestamp::now() })
    }

    async fn open(&self, _: &str, _: Sid) -> Result<Download, SourceError> {
        let (all_sent, end) = (self.all_sent.clone(), self.end.clone());
        let head = stream::iter([Ok(Bytes::from(mp3()))]);
        let tail = stream::once(async move {
            all_sent.notify_one();
            end.notified().await;
            Ok(Bytes::new())
        });
        Ok(Download { total: None, body: head.chain(tail).boxed() })
    }

    async fn delete(&self, _: &str, _: Sid) -> Result<(), SourceError> {
        Ok(())
    }
}

/// Stops the worker at the moment between the rename and its signal.
struct Pause {
    reached: mpsc::SyncSender<()>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Signals for Pause {
    fn send(&self, signal: Signal) {
        if matches!(signal, Signal::Landed(..)) {
            self.reached.send(()).unwrap();
            self.go.lock().unwrap().recv().unwrap();
        }
    }
}

struct Nobody;

impl Signals for Nobody {
    fn send(&self, _: Signal) {}
}

struct Bench {
    _directory: tempfile::TempDir,
    catalog: Arc<dyn Catalog>,
    jobs: Arc<EmbeddedJobs>,
    volume: Volume,
    provider: Arc<Provider>,
    fetcher: Fetcher,
    sid: Sid,
}

impl Bench {
    async fn with(signals: Arc<dyn Signals>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let volume = Volume::open(&directory.path().join("recordings")).unwrap();
        let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
        let catalog: Arc<dyn Catalog> = Arc::new(catalog);
        let (sid, tenant): (Sid, _) = (format!("CA{:032x}", 1).parse().unwrap(), Tenant::new("t").unwrap());
        let about = About::default();
        let call =
            NewCall { call_sid: sid, tenant: tenant.clone(), account_sid: "AC1".into(), recording_sid: None, about };
        catalog.register(&call).await.unwrap();
        let jobs = Arc::new(EmbeddedJobs::new(3));
        jobs.ensure(Job { sid, tenant, priority: Priority::Play }).await.unwrap();
        let provider = Arc::new(Provider::default());
        let options = FetchOptions { concurrency: 1, give_up_after: Duration::from_secs(20) };
        let source: Arc<dyn Source> = provider.clone();
        let fetcher = Fetcher::new(
            catalog.clone(),
            jobs.clone(),
            source,
            volume.clone(),
            signals,
            options,
            tokio::sync::mpsc::channel(1).0,
        );
        Self { _directory: directory, catalog, jobs, volume, provider, fetcher, sid }
    }

    /// As another server does: it has no word with this worker.
    async fn erase(&self) {
        self.catalog.erase(&Scope::Every, self.sid, false).await.unwrap();
    }

    async fn is_erased(&self) {
        let (_, status) = self.catalog.find(&[self.sid]).await.unwrap().remove(0).unwrap();
        assert!(status.is_erased(), "{status:?}");
        assert!(self.volume.find(self.sid).unwrap().is_none(), "no file is left");
        let names = std::fs::read_dir(self.volume.root()).unwrap().count();
        assert_eq!((names, self.jobs.depth().await.unwrap()), (1, Depth::default()), "and no job");
    }
}

#[tokio::test]
async fn erased_between_the_last_byte_and_the_rename() {
    let bench = Bench::with(Arc::new(Nobody)).await;
    let lease = bench.jobs.lease().await;
    let erasure = async {
        bench.provider.all_sent.notified().await;
        bench.erase().await;
        bench.provider.end.notify_one();
    };
    tokio::join!(bench.fetcher.work(lease), erasure);
    bench.is_erased().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erased_between_the_rename_and_the_signal() {
    let ((reached, at), (go, paused)) = (mpsc::sync_channel(0), mpsc::channel());
    let bench = Bench::with(Arc::new(Pause { reached, go: Mutex::new(paused) })).await;
    bench.provider.end.notify_one();
    let (fetcher, lease) = (bench.fetcher.clone(), bench.jobs.lease().await);
    let tasks = TaskTracker::new();
    let work = tasks.spawn(async move { fetcher.work(lease).await });
    blocking(move || at.recv().unwrap()).await;
    assert!(bench.volume.find(bench.sid).unwrap().is_some(), "it has its final name");
    bench.erase().await;
    go.send(()).unwrap();
    work.await.unwrap();
    bench.is_erased().await;
}

#[tokio::test]
async fn erased_by_this_server_the_worker_lets_go_at_once() {
    let bench = Bench::with(Arc::new(Nobody)).await;
    let lease = bench.jobs.lease().await;
    let erasure = async {
        bench.provider.all_sent.notified().await;
        bench.erase().await;
        bench.jobs.withdraw(bench.sid).await.unwrap();
    };
    // The source never ends by itself.
    tokio::join!(bench.fetcher.work(lease), erasure);
    bench.is_erased().await;
}

#[tokio::test]
async fn a_worker_that_died_after_the_rename_leaves_the_removal_to_the_next() {
    let bench = Bench::with(Arc::new(Nobody)).await;
    let name = bench.volume.root().join(format!("{}.mp3", bench.sid));
    std::fs::write(&name, mp3()).unwrap();
    bench.erase().await;
    bench.fetcher.work(bench.jobs.lease().await).await;
    bench.is_erased().await;
    assert!(!name.exists());
}
