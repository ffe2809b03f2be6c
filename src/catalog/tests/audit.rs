//! The audit as a specification.

use super::on_every_engine;
use crate::catalog::{Action, AuditOrder, AuditQuery, Catalog, Deed, Entry, NewCall};
use crate::recording::{About, Scope, Sid, Tenant, Timestamp};

on_every_engine![
    an_entry_lies_with_the_owner_of_the_recording_by_whichever_name_it_was_asked_for,
    a_refusal_about_what_is_no_recording_leaves_no_entry,
    entries_are_read_in_either_order_from_where_one_left_off,
    a_user_of_another_tenant_is_named_only_to_who_sees_every_tenant,
];

fn sid(kind: &str, n: u32) -> Sid {
    format!("{kind}{n:032x}").parse().unwrap()
}

fn scope(name: &str) -> Scope {
    Scope::Tenant(Tenant::new(name).unwrap())
}

fn deed(action: Action, sid: Sid, at: i64) -> Deed {
    Deed {
        at: Timestamp(at),
        action,
        outcome: "ok",
        sid,
        // A claim may hold anything.
        who: Some("ann\0".into()),
        who_tenant: Tenant::new("t"),
        address: [10, 0, 0, 1].into(),
    }
}

async fn register(catalog: &dyn Catalog) {
    let call = NewCall {
        call_sid: sid("CA", 1),
        tenant: Tenant::new("t").unwrap(),
        account_sid: "AC1".into(),
        recording_sid: Some(sid("RE", 1)),
        about: About { title: Some("zero: \0".into()), ..About::default() },
    };
    catalog.register(&call).await.unwrap();
}

async fn read(catalog: &dyn Catalog, scope: &Scope, of: Option<Sid>, order: AuditOrder, limit: usize) -> Vec<Entry> {
    let query = AuditQuery { of, since: Timestamp(0), until: Timestamp(1000), order, limit };
    catalog.audited(scope, &query).await.unwrap()
}

async fn an_entry_lies_with_the_owner_of_the_recording_by_whichever_name_it_was_asked_for(catalog: &dyn Catalog) {
    register(catalog).await;
    let deeds = [deed(Action::Played, sid("CA", 1), 1), deed(Action::Downloaded, sid("RE", 1), 2)];
    catalog.audit(&deeds).await.unwrap();
    for name in [sid("CA", 1), sid("RE", 1)] {
        let entries = read(catalog, &scope("t"), Some(name), AuditOrder::After(0), 10).await;
        let told: Vec<_> = entries.iter().map(|entry| (entry.action.as_str(), entry.sid.as_str())).collect();
        assert_eq!(told, [("played", sid("CA", 1).as_str()), ("downloaded", sid("RE", 1).as_str())]);
        assert!(entries.iter().all(|entry| entry.tenant.as_deref() == Some("t") && entry.address == "10.0.0.1"));
    }
    assert!(read(catalog, &scope("other"), None, AuditOrder::After(0), 10).await.is_empty());
}

async fn a_refusal_about_what_is_no_recording_leaves_no_entry(catalog: &dyn Catalog) {
    let deeds = [deed(Action::Denied, sid("CA", 9), 1), deed(Action::Erased, sid("CA", 9), 2)];
    catalog.audit(&deeds).await.unwrap();
    let entries = read(catalog, &Scope::Every, Some(sid("CA", 9)), AuditOrder::After(0), 10).await;
    assert_eq!(entries.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["erased"]);
    assert_eq!(entries[0].tenant, None, "nobody's");
}

async fn entries_are_read_in_either_order_from_where_one_left_off(catalog: &dyn Catalog) {
    register(catalog).await;
    catalog.audit(&(1..=5).map(|n| deed(Action::Linked, sid("CA", 1), n)).collect::<Vec<_>>()).await.unwrap();
    let t = scope("t");
    let times = |entries: &[Entry]| entries.iter().map(|entry| entry.at.0).collect::<Vec<_>>();
    let first = read(catalog, &t, None, AuditOrder::After(0), 2).await;
    let next = read(catalog, &t, None, AuditOrder::After(first[1].id), 9).await;
    assert_eq!((times(&first), times(&next)), (vec![1, 2], vec![3, 4, 5]));
    let last = read(catalog, &t, None, AuditOrder::Before(i64::MAX), 2).await;
    let before = read(catalog, &t, None, AuditOrder::Before(last[1].id), 9).await;
    assert_eq!((times(&last), times(&before)), (vec![5, 4], vec![3, 2, 1]));
}

async fn a_user_of_another_tenant_is_named_only_to_who_sees_every_tenant(catalog: &dyn Catalog) {
    register(catalog).await;
    let foreign = Deed { who_tenant: Tenant::new("u"), ..deed(Action::Denied, sid("CA", 1), 1) };
    catalog.audit(&[foreign]).await.unwrap();
    let who = async |scope| read(catalog, &scope, None, AuditOrder::After(0), 9).await.remove(0).who;
    assert_eq!(who(scope("t")).await, None);
    assert!(who(Scope::Every).await.unwrap().starts_with("ann"));
}
