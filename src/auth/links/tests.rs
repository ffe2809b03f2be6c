//! Links as a specification: what opens, what does not, and how keys come and go. The clock is an argument.

use proptest::prelude::*;

use super::*;
use crate::auth::Role;
use crate::catalog::SqliteCatalog;
use crate::recording::Scope;

const NOW: Timestamp = Timestamp(1_700_000_000_123);
const DAY: Duration = Duration::from_secs(86_400);
const TTL: Duration = Duration::from_secs(600);

fn sid(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).unwrap()
}

fn play(tenant: &Tenant) -> Opens<'_> {
    Opens { purpose: Purpose::Play, tenant, sid: sid(1) }
}

fn ring() -> Ring {
    Ring::new(vec![fresh_key(NOW, TTL).unwrap()])
}

fn open(ring: &Ring, query: &str, opens: Opens<'_>, now: Timestamp) -> Result<Caller, LinkDenied> {
    ring.verify(&Presented::read(query)?.ok_or(LinkDenied::Invalid)?, opens, now)
}

async fn links(directory: &tempfile::TempDir, ttl: Duration) -> (Links, Arc<dyn Catalog>) {
    let catalog = SqliteCatalog::open(&directory.path().join("landfall.db")).await.unwrap();
    let catalog: Arc<dyn Catalog> = Arc::new(catalog);
    (Links::new(catalog.clone(), ttl), catalog)
}

/// As a server does: the key is learnt, then the link is verified.
async fn opens_at(links: &Links, query: &str, now: Timestamp) -> Result<Caller, LinkDenied> {
    let link = Presented::read(query).unwrap().unwrap();
    links.learn(&link.kid).await.unwrap();
    links.read(|ring| ring.verify(&link, play(&tenant("t")), now))
}

fn kid(query: &str) -> String {
    Presented::read(query).unwrap().unwrap().kid.into_owned()
}

#[test]
fn a_link_gives_an_agent_of_the_recordings_tenant_until_it_expires() {
    let (ring, t) = (ring(), tenant("t"));
    let expires = end_of_second(NOW.plus(TTL));
    let query = ring.sign(play(&t), "dana@example.com / דנה", expires, NOW).unwrap();
    let caller = open(&ring, &query, play(&t), NOW).unwrap();
    assert_eq!((&*caller.user, caller.role), ("dana@example.com / דנה", Role::Agent));
    assert_eq!((caller.scope, caller.expires), (Scope::Tenant(tenant("t")), expires));
    assert!(open(&ring, &query, play(&t), Timestamp(expires.0 - 1)).is_ok());
    assert_eq!(open(&ring, &query, play(&t), expires), Err(LinkDenied::Expired));
}

#[test]
fn a_link_is_good_for_no_less_than_was_promised_and_for_less_than_a_second_more() {
    for millis in [0, 1, 999] {
        let moment = Timestamp(5_000 + millis);
        let rounded = end_of_second(moment);
        assert!(rounded >= moment && rounded.0 < moment.0 + 1000 && rounded.0 % 1000 == 0);
    }
}

#[test]
fn a_link_opens_one_recording_of_one_tenant_for_one_purpose() {
    let (ring, t, other) = (ring(), tenant("t"), tenant("u"));
    let query = ring.sign(play(&t), "dana", NOW.plus(TTL), NOW).unwrap();
    for elsewhere in [
        Opens { purpose: Purpose::Download, ..play(&t) },
        Opens { tenant: &other, ..play(&t) },
        Opens { sid: sid(2), ..play(&t) },
    ] {
        assert_eq!(open(&ring, &query, elsewhere, NOW), Err(LinkDenied::Invalid), "{elsewhere:?}");
    }
}

/// Only who holds a good link is told that it was one.
#[test]
fn an_expired_link_that_was_changed_is_invalid() {
    let (ring, t) = (ring(), tenant("t"));
    let query = ring.sign(play(&t), "dana", NOW.plus(TTL), NOW).unwrap();
    let later = NOW.plus(TTL * 2);
    assert_eq!(open(&ring, &query, play(&t), later), Err(LinkDenied::Expired));
    assert_eq!(open(&ring, &query.replace("dana", "dina"), play(&t), later), Err(LinkDenied::Invalid));
    let elsewhere = Opens { sid: sid(2), ..play(&t) };
    assert_eq!(open(&ring, &query, elsewhere, later), Err(LinkDenied::Invalid));
}

#[test]
fn where_one_part_ends_and_the_next_begins_is_signed() {
    let ring = ring();
    let (one, two) = (tenant("t"), tenant(&format!("t{}", sid(1))));
    let query = ring.sign(play(&one), "dana", NOW.plus(TTL), NOW).unwrap();
    assert_eq!(open(&ring, &query, play(&two), NOW), Err(LinkDenied::Invalid));
    let moved = query.replace("sub=dana", "sub=dan").replace("exp=", "exp=a");
    assert_eq!(open(&ring, &moved, play(&one), NOW), Err(LinkDenied::Invalid));
}

#[test]
fn a_query_is_no_link_a_whole_link_or_a_bad_one() {
    let good = "purpose=play&sub=a&exp=1&kid=k&sig=s";
    assert!(Presented::read("").unwrap().is_none());
    assert!(Presented::read("wait=30&by=library").unwrap().is_none());
    assert!(Presented::read(good).unwrap().is_some_and(|link| link.is_alone));
    assert!(Presented::read(&format!("wait=3&{good}")).unwrap().is_some_and(|link| !link.is_alone));
    for (name, most) in [("purpose", 16), ("sub", MOST_USER), ("exp", 16), ("kid", 16), ("sig", 64)] {
        let twice = format!("{good}&{name}=again");
        let renamed = good.replace(&format!("{name}="), "other=");
        let long = good.replace(&format!("{name}="), &format!("{name}={}", "x".repeat(most)));
        for bad in [twice, renamed, long] {
            assert!(matches!(Presented::read(&bad), Err(LinkDenied::Invalid)), "{bad}");
        }
    }
}

#[test]
fn a_key_is_never_printed() {
    let key = fresh_key(NOW, TTL).unwrap();
    assert!(!format!("{key:?}").contains(key.secret.reveal()));
}

#[tokio::test]
async fn links_outlive_the_server_that_signed_them() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = links(&directory, TTL).await;
    let t = tenant("t");
    let signed = before.sign_at(play(&t), "dana", NOW).await.unwrap();
    drop(before);
    let (after, _) = links(&directory, TTL).await;
    assert!(opens_at(&after, &signed.query, NOW).await.is_ok());
    let again = after.sign_at(play(&t), "dana", NOW).await.unwrap();
    assert!(kid(&again.query) == kid(&signed.query), "a restart makes no key");
}

#[tokio::test]
async fn servers_on_one_catalog_sign_with_one_key_and_learn_of_each_others() {
    let directory = tempfile::tempdir().unwrap();
    let ((one, _), (two, _), t) = (links(&directory, TTL).await, links(&directory, TTL).await, tenant("t"));
    let (first, second) = tokio::join!(one.sign_at(play(&t), "dana", NOW), two.sign_at(play(&t), "dana", NOW));
    let (first, second) = (first.unwrap().query, second.unwrap().query);
    assert!(kid(&first) == kid(&second));
    let next = one.sign_at(play(&t), "dana", NOW.plus(DAY)).await.unwrap();
    assert!(opens_at(&two, &next.query, NOW.plus(DAY)).await.is_ok(), "a key that it has not seen");
}

#[tokio::test]
async fn the_key_changes_each_day_and_the_old_one_is_good_as_long_as_its_last_link() {
    let directory = tempfile::tempdir().unwrap();
    let ((links, catalog), t) = (links(&directory, TTL).await, tenant("t"));
    links.sign_at(play(&t), "dana", NOW).await.unwrap();
    let last_of_day = NOW.plus(DAY - Duration::from_millis(1));
    let old = links.sign_at(play(&t), "dana", last_of_day).await.unwrap();
    assert_eq!(catalog.link_keys().await.unwrap().len(), 1);
    let new = links.sign_at(play(&t), "dana", NOW.plus(DAY)).await.unwrap();
    assert!(kid(&old.query) != kid(&new.query));
    assert_eq!(catalog.link_keys().await.unwrap().len(), 2);
    let just_before = Timestamp(old.expires.0 - 1);
    assert!(opens_at(&links, &old.query, just_before).await.is_ok());
    assert_eq!(opens_at(&links, &old.query, old.expires).await, Err(LinkDenied::Expired));
    // When no link of it can be good any more, its key is none.
    let long_after = NOW.plus(DAY + TTL + Duration::from_secs(1));
    assert_eq!(opens_at(&links, &old.query, long_after).await, Err(LinkDenied::Invalid));
    assert!(opens_at(&links, &new.query, NOW.plus(DAY)).await.is_ok());
}

/// NOW is years ago, by the clock that housekeeping goes by.
#[tokio::test]
async fn housekeeping_deletes_keys_whose_links_have_run_out_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let ((links, catalog), t) = (links(&directory, TTL).await, tenant("t"));
    links.sign_at(play(&t), "dana", NOW).await.unwrap();
    let today = links.sign(play(&t), "dana").await.unwrap();
    assert_eq!(catalog.link_keys().await.unwrap().len(), 2);
    catalog.tend().await.unwrap();
    let left: Vec<String> = catalog.link_keys().await.unwrap().into_iter().map(|key| key.kid).collect();
    assert_eq!(left, [kid(&today.query)]);
}

#[tokio::test]
async fn a_longer_life_of_links_keeps_the_key_in_use_for_longer() {
    let directory = tempfile::tempdir().unwrap();
    let ((short, _), t) = (links(&directory, TTL).await, tenant("t"));
    let first = short.sign_at(play(&t), "dana", NOW).await.unwrap();
    let (long, _) = links(&directory, DAY * 7).await;
    assert!(opens_at(&long, &first.query, NOW).await.is_ok(), "the key is known before it signs");
    let last_of_day = NOW.plus(DAY - Duration::from_millis(1));
    let link = long.sign_at(play(&t), "dana", last_of_day).await.unwrap();
    assert!(kid(&link.query) == kid(&first.query));
    assert!(opens_at(&long, &link.query, Timestamp(link.expires.0 - 1)).await.is_ok());
}

/// Decoded, since a URL may be escaped in more ways than one and still be the same.
fn said(query: &str) -> Option<[String; 5]> {
    let link = Presented::read(query).ok()??;
    Some([link.purpose, link.sub, link.exp, link.kid, link.sig].map(|part| part.into_owned()))
}

proptest! {
    #[test]
    fn any_user_of_any_tenant_reads_back(user in ".{0,100}", name in ".{1,30}") {
        let (ring, t) = (ring(), tenant(&name));
        let query = ring.sign(play(&t), &user, NOW.plus(TTL), NOW).unwrap();
        prop_assert_eq!(&*open(&ring, &query, play(&t), NOW).unwrap().user, user.as_str());
    }

    #[test]
    fn no_link_with_a_changed_byte_is_good(user in "[ -~]{1,20}", at in any::<prop::sample::Index>(), byte in 0x21u8..0x7f) {
        let (ring, t) = (ring(), tenant("t"));
        let query = ring.sign(play(&t), &user, NOW.plus(TTL), NOW).unwrap();
        let mut changed = query.clone().into_bytes();
        changed[at.index(query.len())] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assume!(said(&changed) != said(&query));
        prop_assert_eq!(open(&ring, &changed, play(&t), NOW), Err(LinkDenied::Invalid));
    }

    #[test]
    fn no_link_with_bytes_put_in_or_left_out_is_good(cut in any::<prop::sample::Index>(), length in 0usize..4, put in "[!-~]{0,4}") {
        let (ring, t) = (ring(), tenant("t"));
        let query = ring.sign(play(&t), "dana", NOW.plus(TTL), NOW).unwrap();
        let from = cut.index(query.len());
        let mut changed = query.clone();
        changed.replace_range(from..(from + length).min(query.len()), &put);
        prop_assume!(said(&changed) != said(&query));
        prop_assert_eq!(open(&ring, &changed, play(&t), NOW), Err(LinkDenied::Invalid));
    }

    #[test]
    fn arbitrary_queries_never_panic_and_never_open(query in ".{0,200}") {
        let t = tenant("t");
        prop_assert!(open(&ring(), &query, play(&t), NOW).is_err());
    }
}
