//! Two servers at the same call, in a forced order: somebody else's lock is the pause point.

use super::*;
use crate::catalog::{Action, AuditOrder};
use crate::recording::{Code, Container};

const MEDIA: Media = Media { container: Container::Mp3, size: 1000, channels: 1, duration_ms: 250 };

/// Where there is but one.
const ROW_OF_CALL: &str = "SELECT FROM calls FOR UPDATE";
const ROW_OF_RECORDING: &str = "SELECT FROM recordings FOR UPDATE";

fn completed(n: u32, recording_sid: Sid) -> Callback {
    Callback {
        recording_sid,
        call_sid: call(n),
        account_sid: "AC1".into(),
        status: "completed".into(),
        received_at: Timestamp::now(),
    }
}

async fn status(catalog: &PostgresCatalog, sid: Sid) -> Status {
    catalog.find(&[sid]).await.unwrap().remove(0).unwrap().1
}

/// Two servers, and somebody who can hold them up.
async fn two() -> (Database, PostgresCatalog, PostgresCatalog, Somebody) {
    let database = Database::create().unwrap();
    let (one, two) = (server(&database).await, server(&database).await);
    let somebody = Somebody::at(&database).await;
    (database, one, two, somebody)
}

/// Runs `first` into a lock, then `second` into whatever it waits for, and then lets them go.
async fn in_order<A, B>(
    somebody: &Somebody,
    lock: &str,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    somebody.run(&format!("BEGIN; {lock}")).await;
    let (halfway, go) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let second = async {
        halfway.notified().await;
        second.await
    };
    let order = async {
        somebody.until_waiting(1).await;
        halfway.notify_one();
        somebody.until_waiting(2).await;
        go.notify_one();
    };
    let release = async {
        go.notified().await;
        somebody.run("COMMIT").await;
    };
    let (a, b, (), ()) = tokio::join!(first, second, order, release);
    (a, b)
}

#[tokio::test]
async fn a_callback_and_the_erasure_of_the_name_that_it_brings_end_erased_whoever_is_first() {
    for callback_first in [true, false] {
        let (_database, one, two, somebody) = two().await;
        one.register(&new(1, None, None)).await.unwrap();
        let callback = completed(1, recording(1));
        let keep = one.keep(&callback, None);
        let erase = two.erase(&Scope::Every, recording(1), false);
        let (kept, erased) = if callback_first {
            in_order(&somebody, "LOCK TABLE erasures", keep, erase).await
        } else {
            let (erased, kept) = in_order(&somebody, "LOCK TABLE erasures", erase, keep).await;
            (kept, erased)
        };
        kept.unwrap();
        assert_eq!(erased.unwrap().len(), usize::from(callback_first), "the recording was known, or was not yet");
        assert!(status(&one, recording(1)).await.is_erased(), "callback first: {callback_first}");
    }
}

#[tokio::test]
async fn a_registration_and_the_erasure_of_its_call_end_erased_whoever_is_first() {
    for registered_first in [true, false] {
        let (_database, one, two, somebody) = two().await;
        let new = new(1, Some(recording(1)), None);
        let register = one.register(&new);
        let erase = two.erase(&Scope::Every, call(1), false);
        let (registered, erased) = if registered_first {
            in_order(&somebody, "LOCK TABLE erasures", register, erase).await
        } else {
            let (erased, registered) = in_order(&somebody, "LOCK TABLE erasures", erase, register).await;
            (registered, erased)
        };
        assert_eq!(registered.is_ok(), registered_first);
        erased.unwrap();
        assert!(status(&one, call(1)).await.is_erased());
    }
}

#[tokio::test]
async fn one_call_registered_by_two_servers_is_created_once() {
    let (_database, one, two, somebody) = two().await;
    let new = new(1, None, None);
    let (first, second) = in_order(&somebody, "LOCK TABLE calls", one.register(&new), two.register(&new)).await;
    assert_eq!((first.unwrap().created, second.unwrap().created), (true, false));
}

#[tokio::test]
async fn a_recording_announced_for_one_call_and_registered_with_another_belongs_to_the_first() {
    let (_database, one, two, somebody) = two().await;
    one.register(&new(1, None, None)).await.unwrap();
    let callback = completed(1, recording(1));
    let other = new(2, Some(recording(1)), None);
    let (kept, taken) =
        in_order(&somebody, "LOCK TABLE recordings", one.keep(&callback, None), two.register(&other)).await;
    assert!(matches!(kept.unwrap(), Kept::Attached(row) if row.0.sid == call(1)));
    assert!(matches!(taken, Err(RegisterError::Taken)));
    assert!(two.find(&[call(2)]).await.unwrap()[0].is_none(), "and nothing is left of the attempt");
}

#[tokio::test]
async fn the_start_of_a_call_that_is_learnt_during_a_landing_counts() {
    let (_database, one, two, somebody) = two().await;
    one.register(&new(1, None, None)).await.unwrap();
    let told = new(1, None, Some(77));
    let (landed, registered) =
        in_order(&somebody, ROW_OF_RECORDING, one.landed(&[(call(1), MEDIA)]), two.register(&told)).await;
    assert_eq!(landed.unwrap().remove(0).unwrap().state, State::Ready);
    registered.unwrap();
    assert_eq!(one.oldest(None, 1).await.unwrap()[0].since, Timestamp(77));
}

#[tokio::test]
async fn a_hold_that_comes_before_an_expiry_prevents_it() {
    let (_database, one, two, somebody) = two().await;
    one.register(&new(1, None, None)).await.unwrap();
    one.landed(&[(call(1), MEDIA)]).await.unwrap();
    let (held, expired) = in_order(&somebody, ROW_OF_CALL, two.hold(call(1), true), one.expire(call(1), false)).await;
    held.unwrap();
    assert!(expired.unwrap().is_none());
    assert_eq!(status(&one, call(1)).await.state, State::Ready);
}

#[tokio::test]
async fn a_landing_that_is_noted_after_the_erasure_changes_nothing() {
    let (_database, one, two, somebody) = two().await;
    one.register(&new(1, None, None)).await.unwrap();
    let erase = two.erase(&Scope::Every, call(1), false);
    let (erased, landed) = in_order(&somebody, ROW_OF_RECORDING, erase, one.landed(&[(call(1), MEDIA)])).await;
    assert_eq!((erased.unwrap().len(), landed.unwrap()), (1, vec![None]));
    assert_eq!(status(&one, call(1)).await.code, Some(Code::Erased));
}

#[tokio::test]
async fn entries_of_the_audit_are_seen_in_the_order_of_their_numbers() {
    let (_database, one, _two, somebody) = two().await;
    // Another server has numbered an entry, and not committed it.
    somebody
        .run(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('audit', 0));
             INSERT INTO audit (at, recording, sid, action, outcome, address) VALUES (1, 'x', 'x', 'played', 'ok', '')",
        )
        .await;
    let deed = Deed {
        at: Timestamp(2),
        action: Action::Played,
        outcome: "ok",
        sid: call(1),
        who: None,
        who_tenant: None,
        address: [10, 0, 0, 1].into(),
    };
    let query =
        AuditQuery { of: None, since: Timestamp(0), until: Timestamp(9), order: AuditOrder::After(0), limit: 9 };
    let deeds = [deed];
    let commit = async {
        somebody.until_waiting(1).await;
        assert!(one.audited(&Scope::Every, &query).await.unwrap().is_empty(), "the later one is not seen alone");
        somebody.run("COMMIT").await;
    };
    let (appended, ()) = tokio::join!(one.audit(&deeds), commit);
    appended.unwrap();
    let entries = one.audited(&Scope::Every, &query).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.at.0).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn servers_that_need_a_key_for_links_at_the_same_moment_get_the_same_one() {
    let (_database, one, two, somebody) = two().await;
    let key = |kid: &str| LinkKey {
        kid: kid.into(),
        secret: crate::secret::Secret::new(kid),
        signs_until: Timestamp(100),
        good_until: Timestamp(200),
    };
    let (a, b) = (key("a"), key("b"));
    let now = Timestamp(1);
    let (first, second) =
        in_order(&somebody, "LOCK TABLE link_keys", one.renew_link_keys(&a, now), two.renew_link_keys(&b, now)).await;
    for keys in [first.unwrap(), second.unwrap()] {
        assert_eq!(keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["a"]);
    }
}
