//! Tombstones and ages as a specification: whatever comes after an erasure falls under it.

use super::on_every_engine;
use crate::catalog::{Aged, Callback, Catalog, EraseError, Kept, NewCall, RegisterError};
use crate::recording::{About, Code, Container, Media, Scope, Sid, State, Status, Tenant, Timestamp};

on_every_engine![
    an_erasure_counts_once_and_no_landing_undoes_it,
    nobody_erases_what_is_anothers_or_unknown_but_who_sees_everything,
    a_tombstone_waits_for_the_registration,
    a_recording_that_becomes_known_under_an_erased_name_is_erased,
    an_erased_call_erases_what_is_announced_later_and_a_recording_only_itself,
    a_held_call_is_neither_erased_nor_does_it_expire,
    recordings_age_from_the_start_of_their_call_else_from_their_landing,
];

const MEDIA: Media = Media { container: Container::Mp3, size: 1000, channels: 1, duration_ms: 250 };

fn sid(kind: &str, n: u32) -> Sid {
    format!("{kind}{n:032x}").parse().unwrap()
}

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).unwrap()
}

fn scope(name: &str) -> Scope {
    Scope::Tenant(tenant(name))
}

fn new(n: u32, recording_sid: Option<Sid>, started_at: Option<i64>) -> NewCall {
    let about = About { started_at: started_at.map(Timestamp), title: Some("private".into()), ..About::default() };
    NewCall { call_sid: sid("CA", n), tenant: tenant("t"), account_sid: "AC1".into(), recording_sid, about }
}

fn completed(call: u32, recording: u32) -> Callback {
    Callback {
        recording_sid: sid("RE", recording),
        call_sid: sid("CA", call),
        account_sid: "AC1".into(),
        status: "completed".into(),
        received_at: Timestamp::now(),
    }
}

async fn status(catalog: &dyn Catalog, sid: Sid) -> Status {
    catalog.find(&[sid]).await.unwrap().remove(0).unwrap().1
}

async fn due(catalog: &dyn Catalog) -> Vec<Sid> {
    let due = catalog.source_deletions(Timestamp::now(), 10).await.unwrap();
    due.into_iter().map(|deletion| deletion.sid).collect()
}

async fn an_erasure_counts_once_and_no_landing_undoes_it(catalog: &dyn Catalog) {
    catalog.register(&new(1, Some(sid("RE", 1)), None)).await.unwrap();
    catalog.landed(&[(sid("CA", 1), MEDIA)]).await.unwrap();
    for name in [sid("CA", 1), sid("RE", 1), sid("CA", 1)] {
        let rows = catalog.erase(&scope("t"), name, false).await.unwrap();
        assert_eq!((rows.len(), rows[0].1.v), (1, 3));
        assert!(rows[0].1.is_erased());
    }
    assert!(catalog.landed(&[(sid("CA", 1), MEDIA)]).await.unwrap()[0].is_none());
    assert!(status(catalog, sid("CA", 1)).await.is_erased());
    assert_eq!(due(catalog).await, [], "the provider's copy stays");
}

async fn nobody_erases_what_is_anothers_or_unknown_but_who_sees_everything(catalog: &dyn Catalog) {
    catalog.register(&new(1, None, None)).await.unwrap();
    for name in [sid("CA", 1), sid("CA", 2), sid("RE", 2)] {
        assert!(matches!(catalog.erase(&scope("other"), name, false).await, Err(EraseError::Unknown)));
    }
    assert_eq!(status(catalog, sid("CA", 1)).await.state, State::Unknown);
    assert!(catalog.erase(&Scope::Every, sid("RE", 2), false).await.unwrap().is_empty());
}

async fn a_tombstone_waits_for_the_registration(catalog: &dyn Catalog) {
    catalog.erase(&Scope::Every, sid("CA", 1), true).await.unwrap();
    assert!(matches!(catalog.keep(&completed(1, 1), None).await.unwrap(), Kept::Waiting));
    for _ in 0..2 {
        assert!(matches!(catalog.register(&new(1, None, None)).await, Err(RegisterError::Erased)));
    }
    let (recording, status) = catalog.find(&[sid("RE", 1)]).await.unwrap().remove(0).unwrap();
    assert!(status.is_erased());
    assert_eq!((recording.sid, recording.about.title), (sid("CA", 1), None), "only whose it was is kept");
    assert_eq!(due(catalog).await, [sid("RE", 1)]);
}

async fn a_recording_that_becomes_known_under_an_erased_name_is_erased(catalog: &dyn Catalog) {
    for n in 1..=3 {
        catalog.erase(&Scope::Every, sid("RE", n), false).await.unwrap();
        catalog.register(&new(10 + n, None, None)).await.unwrap();
    }
    assert_eq!(status(catalog, sid("CA", 11)).await.state, State::Unknown, "nobody knows yet");
    // By its callback, by the worker that asks the provider, and by a registration.
    let Kept::Attached(row) = catalog.keep(&completed(11, 1), None).await.unwrap() else { panic!() };
    assert!(row.1.is_erased());
    assert!(catalog.name(sid("CA", 12), sid("RE", 2)).await.unwrap().unwrap().1.is_erased());
    let named = catalog.register(&new(13, Some(sid("RE", 3)), None)).await;
    assert!(matches!(named, Err(RegisterError::Erased)));
    assert!(matches!(catalog.register(&new(14, None, None)).await, Ok(registered) if registered.created));
}

async fn an_erased_call_erases_what_is_announced_later_and_a_recording_only_itself(catalog: &dyn Catalog) {
    catalog.register(&new(1, None, None)).await.unwrap();
    for n in 1..=3 {
        catalog.keep(&completed(1, n), None).await.unwrap();
    }
    assert_eq!(catalog.erase(&scope("t"), sid("RE", 2), true).await.unwrap().len(), 1);
    assert_eq!(due(catalog).await, [sid("RE", 2)]);
    assert_eq!(status(catalog, sid("CA", 1)).await.state, State::Unknown);
    assert_eq!(catalog.erase(&scope("t"), sid("CA", 1), true).await.unwrap().len(), 3);
    let Kept::Attached(row) = catalog.keep(&completed(1, 4), None).await.unwrap() else { panic!() };
    assert_eq!(row.1.code, Some(Code::Erased));
    assert_eq!(due(catalog).await.len(), 5, "the call itself, for those not known by name, and four recordings");
}

async fn a_held_call_is_neither_erased_nor_does_it_expire(catalog: &dyn Catalog) {
    catalog.register(&new(1, Some(sid("RE", 1)), Some(5))).await.unwrap();
    catalog.landed(&[(sid("CA", 1), MEDIA)]).await.unwrap();
    catalog.hold(sid("CA", 1), true).await.unwrap();
    for name in [sid("CA", 1), sid("RE", 1)] {
        assert!(matches!(catalog.erase(&scope("t"), name, false).await, Err(EraseError::OnHold)));
    }
    assert!(catalog.oldest(None, 10).await.unwrap()[0].held);
    assert!(catalog.expire(sid("CA", 1), true).await.unwrap().is_none());
    catalog.hold(sid("CA", 1), false).await.unwrap();
    let (_, expired) = catalog.expire(sid("CA", 1), true).await.unwrap().unwrap();
    assert_eq!((expired.v, expired.state, expired.code), (3, State::Gone, Some(Code::Expired)));
    assert_eq!(due(catalog).await, [sid("RE", 1)]);
    assert!(catalog.expire(sid("CA", 1), true).await.unwrap().is_none(), "once");
}

async fn recordings_age_from_the_start_of_their_call_else_from_their_landing(catalog: &dyn Catalog) {
    for (n, started_at) in [(1, Some(30)), (2, None), (3, Some(20)), (4, Some(10)), (5, None)] {
        catalog.register(&new(n, None, started_at)).await.unwrap();
    }
    for n in [1, 2, 3, 5] {
        catalog.landed(&[(sid("CA", n), MEDIA)]).await.unwrap();
    }
    // What is learnt later counts, too.
    catalog.register(&new(5, None, Some(25))).await.unwrap();
    let mut seen: Vec<Aged> = Vec::new();
    while let Some(next) = catalog.oldest(seen.last(), 1).await.unwrap().pop() {
        seen.push(next);
    }
    let order: Vec<(Sid, i64)> = seen.iter().map(|aged| (aged.sid, aged.since.0)).collect();
    assert_eq!(order[..3], [(sid("CA", 3), 20), (sid("CA", 5), 25), (sid("CA", 1), 30)]);
    assert!(order[3].0 == sid("CA", 2) && order[3].1 > 1_000_000);
    assert_eq!(catalog.landed_bytes().await.unwrap(), 4 * MEDIA.size);
}
