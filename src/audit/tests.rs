//! Series and losses, against a real catalog and tokio's paused clock.

use std::sync::Arc;

use super::*;
use crate::catalog::{AuditOrder, AuditQuery, Catalog, Entry, NewCall, SqliteCatalog};
use crate::recording::{About, Tenant};
use crate::telemetry::testing::{counted, recorder};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

fn sid(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

fn scope(name: &str) -> Scope {
    Scope::Tenant(Tenant::new(name).unwrap())
}

async fn catalog() -> (tempfile::TempDir, Arc<dyn Catalog>) {
    let directory = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    let tenant = Tenant::new("t").unwrap();
    let call =
        NewCall { call_sid: sid(1), tenant, account_sid: "AC1".into(), recording_sid: None, about: About::default() };
    catalog.register(&call).await.unwrap();
    (directory, Arc::new(catalog))
}

fn played<'a>(user: &'a str, scope: &'a Scope) -> Done<'a> {
    Done { action: Action::Played, outcome: "ok", sid: sid(1), who: Some((user, scope)), address: [10, 0, 0, 1].into() }
}

async fn entries(catalog: &dyn Catalog, scope: &Scope) -> Vec<Entry> {
    let (since, until) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let query = AuditQuery { of: Some(sid(1)), since, until, order: AuditOrder::After(0), limit: 100 };
    catalog.audited(scope, &query).await.unwrap()
}

/// What an audit has kept when its server has stopped.
async fn kept(note: impl AsyncFnOnce(&Audit)) -> Vec<Entry> {
    let (_directory, catalog) = catalog().await;
    let (audit, keeper) = Audit::channel();
    note(&audit).await;
    let stop = CancellationToken::new();
    stop.cancel();
    keeper.run(catalog.clone(), stop).await;
    entries(&*catalog, &scope("t")).await
}

#[tokio::test]
async fn a_storm_of_like_requests_is_one_entry() {
    let t = scope("t");
    let entries = kept(async |audit| (0..1000).for_each(|_| audit.note(played("ann", &t)))).await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("played", "ok"));
    assert_eq!((entry.who.as_deref(), entry.address.as_str()), (Some("ann"), "10.0.0.1"));
}

#[tokio::test]
async fn another_user_address_action_or_outcome_is_another_entry() {
    let t = scope("t");
    let entries = kept(async |audit| {
        for _ in 0..2 {
            let done = played("ann", &t);
            audit.note(done);
            audit.note(played("ben", &t));
            audit.note(Done { address: [10, 0, 0, 2].into(), ..done });
            audit.note(Done { action: Action::Downloaded, ..done });
            audit.note(Done { action: Action::Denied, outcome: "link_expired", ..done });
            audit.note(Done { action: Action::Denied, outcome: "link_invalid", who: None, ..done });
        }
    });
    assert_eq!(entries.await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn half_an_hour_later_it_is_another_series() {
    let t = scope("t");
    let (audit, mut keeper) = Audit::channel();
    for minutes in [0, 29, 1, 29] {
        tokio::time::advance(Duration::from_secs(minutes * 60)).await;
        audit.note(played("ann", &t));
    }
    assert_eq!(std::iter::from_fn(|| keeper.told.try_recv().ok()).count(), 2);
}

#[tokio::test]
async fn each_link_and_each_erasure_is_an_entry() {
    let t = scope("t");
    let entries = kept(async |audit| {
        for action in [Action::Linked, Action::Linked, Action::Erased, Action::Erased] {
            audit.note(Done { action, ..played("ann", &t) });
        }
    });
    let actions: Vec<String> = entries.await.into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["linked", "linked", "erased", "erased"]);
}

#[tokio::test]
async fn users_of_another_tenant_are_named_only_to_who_sees_every_tenant() {
    let (_directory, catalog) = catalog().await;
    let (t, u) = (scope("t"), scope("u"));
    let (audit, keeper) = Audit::channel();
    audit.note(Done { action: Action::Denied, outcome: "not_found", ..played("eve", &u) });
    audit.note(Done { action: Action::Erased, ..played("back end", &Scope::Every) });
    let stop = CancellationToken::new();
    stop.cancel();
    keeper.run(catalog.clone(), stop).await;
    let who = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.who).collect::<Vec<_>>();
    assert_eq!(who(entries(&*catalog, &t).await), [None, Some("back end".into())]);
    assert_eq!(who(entries(&*catalog, &Scope::Every).await), [Some("eve".into()), Some("back end".into())]);
    assert_eq!(who(entries(&*catalog, &u).await), [], "the other tenant learns nothing of the recording");
}

#[tokio::test]
async fn whoever_needs_to_know_is_told_when_all_before_is_kept() {
    let (_directory, catalog) = catalog().await;
    let (audit, keeper) = Audit::channel();
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(keeper.run(catalog.clone(), stop.clone()));
    let t = scope("t");
    for n in 1..=600 {
        audit.note(Done {
            action: Action::Linked,
            address: [10, 1, (n >> 8) as u8, n as u8].into(),
            ..played("ann", &t)
        });
    }
    assert!(audit.settled().await);
    assert_eq!(
        catalog
            .audited(
                &t,
                &AuditQuery {
                    of: None,
                    since: Timestamp(0),
                    until: Timestamp(i64::MAX),
                    order: AuditOrder::Before(i64::MAX),
                    limit: 1000,
                }
            )
            .await
            .unwrap()
            .len(),
        600
    );
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_keeper_that_has_stalled_delays_nobody_for_long_and_what_does_not_fit_is_counted() {
    let recorder = recorder();
    let _counted = metrics::set_default_local_recorder(&recorder);
    let (audit, _stalled) = Audit::channel();
    let t = scope("t");
    for _ in 0..=MOST_WAITING {
        audit.note(Done { action: Action::Linked, ..played("ann", &t) });
    }
    assert!(!audit.settled().await);
    assert_eq!(counted(&recorder, "landfall_audit_lost_total"), 1.0);
}
