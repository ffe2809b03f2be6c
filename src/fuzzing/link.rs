//! Signed links: what is no signed link opens nothing, and a link reads back as it was written.

use super::bench::{LANDED, tenant, with_bench};
use super::{bounded, choice, tampered};
use crate::auth::{Caller, LinkDenied, MOST_USER, Opens, Presented, Purpose};
use crate::recording::Tenant;

/// By the first byte: a query as it comes, a good link that was changed in one place, or a link for any user.
pub fn link(data: &[u8]) {
    let Some((how, data)) = bounded(data, 2048).and_then(choice) else { return };
    match how % 3 {
        0 => {
            let Ok(query) = std::str::from_utf8(data) else { return };
            assert!(open(query, &tenant()).is_err(), "an arbitrary query opens a recording");
        }
        1 => {
            let Some(query) = tampered(&with_bench(|bench| bench.link.clone()), data) else { return };
            let before = with_bench(|bench| said(&bench.link));
            // A URL may be escaped in more ways than one and still be the same.
            assert_eq!(open(&query, &tenant()).is_ok(), said(&query) == before, "a changed link is good: {query}");
        }
        _ => round_trip(data),
    }
}

fn round_trip(data: &[u8]) {
    let (name, user) = data.split_at(data.len().min(8));
    let (Ok(name), Ok(user)) = (std::str::from_utf8(name), std::str::from_utf8(user)) else { return };
    let Some(owner) = Tenant::new(name).filter(|_| user.len() <= MOST_USER) else { return };
    let signed = with_bench(|bench| bench.run(bench.app.parts.links.sign(play(&owner), user)));
    let query = signed.expect("there is a key").query;
    assert!(query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "a link is a query: {query}");
    assert_eq!(&*open(&query, &owner).expect("a link opens what it was signed for").user, user);
    let other = Tenant::new(&format!("{name}x")).expect("a name");
    assert!(open(&query, &other).is_err(), "another tenant's recording is opened");
}

fn open(query: &str, owner: &Tenant) -> Result<Caller, LinkDenied> {
    let link = Presented::read(query)?.ok_or(LinkDenied::Invalid)?;
    with_bench(|bench| bench.app.parts.links.verify(&link, play(owner)))
}

fn play(tenant: &Tenant) -> Opens<'_> {
    Opens { purpose: Purpose::Play, tenant, sid: LANDED.parse().expect("a SID") }
}

/// What a query says, in any order.
fn said(query: &str) -> Vec<(String, String)> {
    let members = ["purpose", "sub", "exp", "kid", "sig"];
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let mut said: Vec<(String, String)> = pairs.filter(|(name, _)| members.contains(&&**name)).collect();
    said.sort();
    said
}
