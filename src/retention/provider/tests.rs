//! A provider that fails is asked again later, and no copy is forgotten meanwhile.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::catalog::{NewCall, SqliteCatalog};
use crate::recording::{About, Scope, Sid, Tenant};
use crate::source::{Download, SourceError};

/// Fails as often as it is told to.
struct Provider {
    failures: Mutex<u32>,
    asked: Mutex<Vec<Sid>>,
}

#[async_trait]
impl Source for Provider {
    async fn find(&self, _: &str, _: Sid) -> Result<Sid, SourceError> {
        Err(SourceError::NotFound { at: Timestamp::now() })
    }

    async fn open(&self, _: &str, _: Sid) -> Result<Download, SourceError> {
        Err(SourceError::NotFound { at: Timestamp::now() })
    }

    async fn delete(&self, _: &str, sid: Sid) -> Result<(), SourceError> {
        self.asked.lock().unwrap().push(sid);
        let mut failures = self.failures.lock().unwrap();
        if *failures == 0 {
            return Ok(());
        }
        *failures -= 1;
        Err(SourceError::Failed("500".into()))
    }
}

#[tokio::test]
async fn what_the_provider_did_not_delete_stays_noted_until_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    let catalog: Arc<dyn Catalog> = Arc::new(catalog);
    let sid: Sid = format!("RE{:032x}", 1).parse().unwrap();
    let call = NewCall {
        call_sid: format!("CA{:032x}", 1).parse().unwrap(),
        tenant: Tenant::new("t").unwrap(),
        account_sid: "AC1".into(),
        recording_sid: Some(sid),
        about: About::default(),
    };
    catalog.register(&call).await.unwrap();
    catalog.erase(&Scope::Every, sid, true).await.unwrap();
    let provider = Arc::new(Provider { failures: Mutex::new(1), asked: Mutex::default() });
    let deletions = Deletions::new(catalog.clone(), provider.clone());
    for _ in 0..3 {
        deletions.run().await.unwrap();
    }
    assert_eq!(*provider.asked.lock().unwrap(), [sid], "not again at once");
    let later = Timestamp::now().plus(FIRST_PAUSE);
    let due = catalog.source_deletions(later, 10).await.unwrap();
    assert_eq!((due[0].sid, due[0].tries), (sid, 1));
    // Here its turn has come.
    deletions.delete(&due[0]).await.unwrap();
    assert!(catalog.source_deletions(later, 10).await.unwrap().is_empty());
}
