//! Calls, callbacks, states and lists as a specification.

use super::on_every_engine;
use crate::catalog::{Callback, Catalog, Change, Kept, ListQuery, NewCall, RegisterError};
use crate::recording::{About, Code, Container, Media, Scope, Sid, State, Status, Tenant, Timestamp};

on_every_engine![
    registering_is_idempotent_and_keeps_what_it_is_not_told,
    a_call_or_a_recording_has_one_owner,
    a_recording_is_found_by_both_its_names,
    the_first_completed_recording_is_primary_and_others_are_further_ones,
    a_callback_waits_for_the_registration_of_its_call,
    calls_of_an_account_with_an_owner_are_registered_by_the_callback,
    each_change_of_state_counts_one_and_a_repeated_one_none,
    what_landed_is_noted_once_and_what_is_gone_stays_gone,
    many_landings_are_noted_together_each_with_what_is_its_own,
    lists_are_newest_first_page_by_page_and_of_one_tenant,
    an_account_has_no_word_about_another_accounts_call,
    the_order_of_the_providers_words_is_of_no_matter,
    absent_says_nothing_about_what_has_landed_or_about_another_recording,
    unheard_are_the_accounts_calls_of_that_time_of_whose_recording_nothing_is_known,
];

fn call(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

fn recording(n: u32) -> Sid {
    format!("RE{n:032x}").parse().unwrap()
}

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).unwrap()
}

fn new(n: u32, whose: &str) -> NewCall {
    let about = About {
        title: Some(format!("Call {n}").into()),
        started_at: Some(Timestamp(i64::from(n))),
        ..Default::default()
    };
    NewCall { call_sid: call(n), tenant: tenant(whose), account_sid: "AC1".into(), recording_sid: None, about }
}

fn completed(call_sid: Sid, recording_sid: Sid) -> Callback {
    Callback {
        recording_sid,
        call_sid,
        account_sid: "AC1".into(),
        status: "completed".into(),
        received_at: Timestamp::now(),
    }
}

async fn status(catalog: &dyn Catalog, sid: Sid) -> Status {
    catalog.find(&[sid]).await.unwrap().remove(0).unwrap().1
}

async fn registering_is_idempotent_and_keeps_what_it_is_not_told(catalog: &dyn Catalog) {
    assert!(catalog.register(&new(1, "t")).await.unwrap().created);
    let again = NewCall { about: About::default(), recording_sid: Some(recording(1)), ..new(1, "t") };
    let registered = catalog.register(&again).await.unwrap();
    assert!(!registered.created);
    assert_eq!(registered.primary.0.about.title.as_deref(), Some("Call 1"));
    assert_eq!(registered.primary.0.recording_sid, Some(recording(1)));
}

async fn a_call_or_a_recording_has_one_owner(catalog: &dyn Catalog) {
    catalog.register(&NewCall { recording_sid: Some(recording(1)), ..new(1, "t") }).await.unwrap();
    let stolen = catalog.register(&new(1, "other")).await;
    assert!(matches!(stolen, Err(RegisterError::Taken)));
    let stolen = catalog.register(&NewCall { recording_sid: Some(recording(1)), ..new(2, "other") }).await;
    assert!(matches!(stolen, Err(RegisterError::Taken)));
    assert!(catalog.find(&[call(2)]).await.unwrap()[0].is_none(), "and nothing is left of the attempt");
}

async fn a_recording_is_found_by_both_its_names(catalog: &dyn Catalog) {
    catalog.register(&NewCall { recording_sid: Some(recording(1)), ..new(1, "t") }).await.unwrap();
    let found = catalog.find(&[recording(1), call(1), call(9)]).await.unwrap();
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0].as_ref().unwrap().0.sid, call(1));
    assert!(found[2].is_none());
}

async fn the_first_completed_recording_is_primary_and_others_are_further_ones(catalog: &dyn Catalog) {
    catalog.register(&new(1, "t")).await.unwrap();
    for (name, stored) in [(recording(1), call(1)), (recording(2), recording(2))] {
        let Kept::Attached(row) = catalog.keep(&completed(call(1), name), None).await.unwrap() else { panic!() };
        assert_eq!(row.0.sid, stored);
        assert!(matches!(catalog.keep(&completed(call(1), name), None).await.unwrap(), Kept::Repeated));
    }
}

async fn a_callback_waits_for_the_registration_of_its_call(catalog: &dyn Catalog) {
    assert!(matches!(catalog.keep(&completed(call(1), recording(1)), None).await.unwrap(), Kept::Waiting));
    assert!(catalog.find(&[call(1)]).await.unwrap()[0].is_none(), "it belongs to nobody");
    let elsewhere = NewCall { account_sid: "AC2".into(), ..new(1, "t") };
    assert!(catalog.register(&elsewhere).await.unwrap().announced.is_empty(), "another account's call is another call");
    catalog.keep(&completed(call(2), recording(2)), None).await.unwrap();
    let registered = catalog.register(&new(2, "t")).await.unwrap();
    assert_eq!(registered.announced[0].0.recording_sid, Some(recording(2)));
    assert_eq!(registered.primary.0.recording_sid, Some(recording(2)));
}

async fn calls_of_an_account_with_an_owner_are_registered_by_the_callback(catalog: &dyn Catalog) {
    let kept = catalog.keep(&completed(call(1), recording(1)), Some(&tenant("t"))).await.unwrap();
    let Kept::Attached(row) = kept else { panic!() };
    assert_eq!((row.0.sid, row.0.tenant), (call(1), tenant("t")));
}

async fn each_change_of_state_counts_one_and_a_repeated_one_none(catalog: &dyn Catalog) {
    catalog.register(&new(1, "t")).await.unwrap();
    let queue = || catalog.change(call(1), &[State::Unknown, State::Queued], Change::to(State::Queued));
    assert_eq!(queue().await.unwrap().unwrap().v, 2);
    assert!(queue().await.unwrap().is_none());
    let again = Change { retry_at: Some(Timestamp(5)), ..Change::because(State::Queued, Code::SourceBusy) };
    assert_eq!(catalog.change(call(1), &[State::Queued], again).await.unwrap().unwrap().v, 3);
    assert!(catalog.change(call(1), &[State::Failed], Change::to(State::Queued)).await.unwrap().is_none());
}

async fn what_landed_is_noted_once_and_what_is_gone_stays_gone(catalog: &dyn Catalog) {
    let media = Media { container: Container::Wav, size: 60, channels: 2, duration_ms: 1 };
    catalog.register(&new(1, "t")).await.unwrap();
    assert_eq!(catalog.landed(&[(call(1), media)]).await.unwrap().remove(0).unwrap().media, Some(media));
    assert!(catalog.landed(&[(call(1), media)]).await.unwrap()[0].is_none());
    assert_eq!(status(catalog, call(1)).await.state, State::Ready);
    catalog.change(call(1), &[State::Ready], Change::because(State::Gone, Code::Erased)).await.unwrap().unwrap();
    assert!(catalog.landed(&[(call(1), media)]).await.unwrap()[0].is_none());
}

async fn many_landings_are_noted_together_each_with_what_is_its_own(catalog: &dyn Catalog) {
    let media = |n| Media { container: Container::Mp3, size: n, channels: 1, duration_ms: 10 * n };
    for n in [1, 2, 3] {
        catalog.register(&new(n, "t")).await.unwrap();
    }
    catalog.landed(&[(call(2), media(2))]).await.unwrap();
    let noted = catalog.landed(&[1, 2, 3, 4].map(|n| (call(n), media(n.into())))).await.unwrap();
    let noted: Vec<_> = noted.into_iter().map(|status| status.and_then(|status| status.media)).collect();
    assert_eq!(noted, [Some(media(1)), None, Some(media(3)), None], "noted before, and not known");
    assert_eq!(status(catalog, call(3)).await.media, Some(media(3)));
    assert!(catalog.landed(&[]).await.unwrap().is_empty());
}

async fn lists_are_newest_first_page_by_page_and_of_one_tenant(catalog: &dyn Catalog) {
    for n in 1..=5 {
        catalog.register(&new(n, "t")).await.unwrap();
    }
    catalog.register(&new(6, "other")).await.unwrap();
    let scope = Scope::Tenant(tenant("t"));
    let mut query = ListQuery { after: None, limit: 2, state: None, text: None };
    let mut seen = Vec::new();
    loop {
        let page = catalog.list(&scope, &query).await.unwrap();
        seen.push(page.items.iter().map(|row| row.0.call_sid).collect::<Vec<_>>());
        query.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, [vec![call(5), call(4)], vec![call(3), call(2)], vec![call(1)]]);
    let found = ListQuery { after: None, limit: 2, state: Some(State::Unknown), text: Some("CALL 3".into()) };
    assert_eq!(catalog.list(&scope, &found).await.unwrap().items.len(), 1);
    assert_eq!(catalog.list(&Scope::Every, &query).await.unwrap().items.len(), 2);
}

async fn an_account_has_no_word_about_another_accounts_call(catalog: &dyn Catalog) {
    catalog.register(&new(1, "t")).await.unwrap();
    let foreign = Callback { account_sid: "AC2".into(), ..completed(call(1), recording(9)) };
    assert!(matches!(catalog.keep(&foreign, Some(&tenant("other"))).await.unwrap(), Kept::Waiting));
    let (found, _) = catalog.find(&[call(1)]).await.unwrap().remove(0).unwrap();
    assert_eq!((found.recording_sid, found.tenant), (None, tenant("t")));
    assert!(catalog.find(&[recording(9)]).await.unwrap()[0].is_none());
}

fn told(n: u32, status: &str, recording_sid: Sid) -> Callback {
    Callback { status: status.into(), ..completed(call(n), recording_sid) }
}

/// Each order of the words about one recording, before the registration and after it.
async fn the_order_of_the_providers_words_is_of_no_matter(catalog: &dyn Catalog) {
    let mut n = 0;
    for (words, end) in [
        (["completed", "absent"], (State::Gone, Some(Code::Absent))),
        (["failed", "completed"], (State::Unknown, None)),
        (["failed", "absent"], (State::Gone, Some(Code::Absent))),
        (["in-progress", "failed"], (State::Failed, Some(Code::SourceFailed))),
    ] {
        for (words, early) in
            [([words[0], words[1]], true), ([words[1], words[0]], true), ([words[0], words[1]], false)]
        {
            n += 1;
            if !early {
                catalog.register(&new(n, "t")).await.unwrap();
            }
            for word in words {
                catalog.keep(&told(n, word, recording(n)), None).await.unwrap();
            }
            catalog.register(&new(n, "t")).await.unwrap();
            let Status { state, code, .. } = status(catalog, call(n)).await;
            // What failed and is complete after all is queued by whoever prefetches it.
            let state = if (words, early) == (["failed", "completed"], false) { State::Unknown } else { state };
            let code = code.filter(|_| state != State::Unknown);
            assert_eq!((state, code), end, "{words:?}, registered late: {early}");
        }
    }
}

async fn absent_says_nothing_about_what_has_landed_or_about_another_recording(catalog: &dyn Catalog) {
    catalog.register(&new(1, "t")).await.unwrap();
    catalog.keep(&told(1, "absent", recording(1)), None).await.unwrap();
    assert_eq!(status(catalog, call(1)).await.state, State::Gone);
    // The call was recorded twice, and the second recording can be heard.
    let before = status(catalog, call(1)).await.v;
    catalog.keep(&told(1, "completed", recording(2)), None).await.unwrap();
    let after = status(catalog, call(1)).await;
    assert_eq!((after.state, after.code), (State::Unknown, None));
    assert!(after.v > before);
    let media = Media { container: Container::Mp3, size: 1, channels: 1, duration_ms: 1 };
    catalog.landed(&[(call(1), media)]).await.unwrap();
    catalog.keep(&told(1, "absent", recording(2)), None).await.unwrap();
    catalog.keep(&told(1, "failed", recording(3)), None).await.unwrap();
    assert_eq!(status(catalog, call(1)).await.state, State::Ready);
}

async fn unheard_are_the_accounts_calls_of_that_time_of_whose_recording_nothing_is_known(catalog: &dyn Catalog) {
    for n in 1..=5 {
        catalog.register(&new(n, "t")).await.unwrap();
    }
    let other = NewCall { account_sid: "AC2".into(), ..new(6, "t") };
    catalog.register(&other).await.unwrap();
    catalog.name(call(3), recording(3)).await.unwrap();
    catalog.change(call(4), &[State::Unknown], Change::to(State::Queued)).await.unwrap();
    let found = catalog.unheard("AC1", (Timestamp(2), Timestamp(9)), 10).await.unwrap();
    let sids: Vec<_> = found.iter().map(|((recording, _), at)| (recording.sid, *at)).collect();
    assert_eq!(sids, [(call(5), Timestamp(5)), (call(2), Timestamp(2))]);
    assert_eq!(catalog.unheard("AC1", (Timestamp(2), Timestamp(9)), 1).await.unwrap().len(), 1);
}
