//! Who is let in, as a specification. Tokens are signed here by hand, not with the library that verifies them.

mod issuer;
mod keysets;
mod rotation;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use issuer::{Issuer, hs256, unsigned};

const SECRET: &str = "a secret of at least thirty-two bytes";
const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn with_secret() -> Auth {
    with(JwtOptions { secret: Some(Secret::new(SECRET)), ..no_keys() })
}

fn no_keys() -> JwtOptions {
    JwtOptions { tenant_claim: "business_id".into(), ..Default::default() }
}

fn with(options: JwtOptions) -> Auth {
    Auth::new(AuthOptions::Jwt(options)).unwrap()
}

fn after(seconds: i64) -> i64 {
    NOW.seconds() + seconds
}

/// Claims of an agent of tenant 7 that are good for a minute, with changes: a `null` takes a claim away.
fn claims(changes: Value) -> Value {
    let mut claims = json!({"sub": "u1", "business_id": "7", "exp": after(60)});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

async fn ask(changes: Value) -> Result<Arc<Caller>, Denied> {
    with_secret().verify_at(&hs256(SECRET, &claims(changes)), NOW).await
}

fn tenant(name: &str) -> Scope {
    Scope::Tenant(Tenant::new(name).unwrap())
}

#[tokio::test]
async fn a_good_token_tells_user_tenant_role_and_expiry() {
    let caller = ask(json!({})).await.unwrap();
    let expected =
        Caller { user: "u1".into(), scope: tenant("7"), role: Role::Agent, expires: Timestamp(after(60) * 1000) };
    assert_eq!(*caller, expected);
}

#[tokio::test]
async fn tenant_and_user_may_be_whole_numbers() {
    let caller = ask(json!({"business_id": 42, "sub": 9})).await.unwrap();
    assert_eq!((&caller.scope, &*caller.user), (&tenant("42"), "9"));
}

#[tokio::test]
async fn a_token_without_a_user_is_known_by_its_role() {
    let caller = ask(json!({"sub": null, "role": "service"})).await.unwrap();
    assert_eq!(&*caller.user, "service");
}

#[tokio::test]
async fn agents_and_admins_need_a_tenant() {
    for tenant in [json!(null), json!(""), json!(1.5), json!(["7"]), json!("x".repeat(129))] {
        for role in ["agent", "admin"] {
            assert_eq!(ask(json!({"business_id": tenant, "role": role})).await, Err(Denied::NoTenant), "{tenant}");
        }
    }
}

#[tokio::test]
async fn a_service_acts_for_every_tenant_even_when_it_names_one() {
    for tenant in [json!(null), json!("7")] {
        let caller = ask(json!({"business_id": tenant, "role": "service"})).await.unwrap();
        assert_eq!((&caller.scope, caller.role), (&Scope::Every, Role::Service));
    }
}

#[tokio::test]
async fn an_unknown_role_is_denied_and_not_read_as_agent() {
    for role in [json!("root"), json!(""), json!("Admin"), json!(1), json!(["admin"])] {
        assert_eq!(ask(json!({"role": role})).await, Err(Denied::UnknownRole), "{role}");
    }
}

#[test]
fn roles_are_ordered() {
    assert!(Role::Agent < Role::Admin && Role::Admin < Role::Service);
}

#[tokio::test]
async fn a_token_is_good_until_half_a_minute_after_its_expiry() {
    assert!(ask(json!({"exp": after(-29)})).await.is_ok());
    assert_eq!(ask(json!({"exp": after(-30)})).await, Err(Denied::Expired));
}

#[tokio::test]
async fn a_token_is_good_from_half_a_minute_before_its_nbf() {
    assert!(ask(json!({"nbf": after(30)})).await.is_ok());
    assert_eq!(ask(json!({"nbf": after(31)})).await, Err(Denied::NotYet));
}

#[tokio::test]
async fn exp_is_required_and_is_a_number() {
    for exp in [json!(null), json!("1700000060"), json!([1])] {
        assert!(matches!(ask(json!({"exp": exp})).await, Err(Denied::Malformed(_))), "{exp}");
    }
}

#[tokio::test]
async fn an_expiry_beyond_all_calendars_can_still_be_written() {
    let caller = ask(json!({"exp": 1e300})).await.unwrap();
    assert!(caller.expires.to_string().starts_with("9999-"));
}

#[tokio::test]
async fn whom_a_token_was_made_for_does_not_matter() {
    assert!(ask(json!({"aud": "another", "iss": "somebody"})).await.is_ok());
}

#[tokio::test]
async fn a_remembered_token_expires_to_the_second() {
    let auth = with_secret();
    let token = hs256(SECRET, &claims(json!({"exp": after(10)})));
    assert!(auth.verify_at(&token, NOW).await.is_ok());
    assert!(auth.verify_at(&token, Timestamp(after(40) * 1000 - 1)).await.is_ok());
    assert_eq!(auth.verify_at(&token, Timestamp(after(40) * 1000)).await, Err(Denied::Expired));
}

#[tokio::test]
async fn a_token_of_another_secret_is_denied_even_after_a_good_one() {
    let auth = with_secret();
    assert!(auth.verify_at(&hs256(SECRET, &claims(json!({}))), NOW).await.is_ok());
    let forged = hs256("another secret of thirty-two bytes or so", &claims(json!({})));
    assert_eq!(auth.verify_at(&forged, NOW).await, Err(Denied::BadSignature));
}

#[tokio::test]
async fn a_changed_claim_breaks_the_signature() {
    let token = hs256(SECRET, &claims(json!({})));
    let richer = hs256("x", &claims(json!({"role": "admin"})));
    let parts: Vec<&str> = token.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], richer.split('.').nth(1).unwrap(), parts[2]);
    assert_eq!(with_secret().verify_at(&swapped, NOW).await, Err(Denied::BadSignature));
}

#[tokio::test]
async fn a_token_that_is_none_says_so() {
    let auth = with_secret();
    assert_eq!(auth.verify("").await, Err(Denied::Missing));
    for bad in ["x", "a.b", "a.b.c", "....", "e30.e30.e30", &"x".repeat(9000)] {
        assert!(matches!(auth.verify(bad).await, Err(Denied::Malformed(_))), "{bad}");
    }
}

#[tokio::test]
async fn algorithm_none_is_never_accepted() {
    for alg in ["none", "None", "NONE", ""] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{signature}", unsigned(json!({"alg": alg, "typ": "JWT"}), &claims(json!({}))));
            assert!(matches!(with_secret().verify_at(&token, NOW).await, Err(Denied::Malformed(_))), "{alg}");
        }
    }
}

#[tokio::test]
async fn a_secret_verifies_hs256_alone() {
    for alg in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256"] {
        let unsigned = unsigned(json!({"alg": alg}), &claims(json!({})));
        let token = issuer::hmac_signed(SECRET.as_bytes(), &unsigned);
        assert_eq!(with_secret().verify_at(&token, NOW).await, Err(Denied::Algorithm), "{alg}");
    }
}

#[tokio::test]
async fn critical_extensions_are_not_ignored() {
    let unsigned = unsigned(json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &claims(json!({})));
    let token = issuer::hmac_signed(SECRET.as_bytes(), &unsigned);
    assert!(matches!(with_secret().verify_at(&token, NOW).await, Err(Denied::Malformed(_))));
}

#[tokio::test]
async fn a_key_inside_the_token_is_never_used() {
    let issuer = Issuer::ed25519("own");
    let token = issuer.signed(json!({"jwk": issuer.jwk(), "kid": "own"}), &claims(json!({})));
    assert_eq!(with_secret().verify_at(&token, NOW).await, Err(Denied::Algorithm));
}

#[tokio::test]
async fn without_authentication_everybody_is_an_admin_of_one_tenant() {
    let auth = Auth::new(AuthOptions::None).unwrap();
    let anyone = auth.anyone().unwrap();
    assert_eq!((anyone.role, &anyone.scope), (Role::Admin, &tenant("default")));
    assert_eq!(auth.verify("whatever").await, Ok(anyone));
    assert!(with_secret().anyone().is_none());
}

#[tokio::test]
async fn what_we_sign_we_accept() {
    let options = JwtOptions { secret: Some(Secret::new(SECRET)), tenant_claim: "org".into(), ..no_keys() };
    let tenant_7 = Tenant::new("7").unwrap();
    let expires = Timestamp(after(60) * 1000);
    let grant = Grant { user: "u", tenant: Some(&tenant_7), role: Role::Admin, expires };
    let token = options.sign(&grant).unwrap();
    let caller = with(options).verify_at(&token, NOW).await.unwrap();
    assert_eq!(*caller, Caller { user: "u".into(), scope: tenant("7"), role: Role::Admin, expires });
    assert!(matches!(no_keys().sign(&grant), Err(SignError::NoSecret)));
}

#[tokio::test]
async fn no_refusal_holds_any_of_the_token() {
    let secret_part = "c2VjcmV0LXBhcnQ";
    let refused = with_secret().verify(&format!("{secret_part}.{secret_part}.{secret_part}")).await.unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains(secret_part));
}

proptest! {
    #[test]
    fn arbitrary_text_is_denied_and_never_panics(text in ".{0,200}") {
        prop_assert!(now(with_secret().verify_at(&text, NOW)).is_err());
    }

    #[test]
    fn arbitrary_headers_and_claims_are_denied_or_good_and_never_panic(
        alg in "(HS256|RS256|ES256|EdDSA|none)", claim in "(sub|exp|nbf|role|business_id|aud)",
        value in prop_oneof![
            Just(json!(null)), Just(json!({})), Just(json!([])), any::<f64>().prop_map(|n| json!(n)),
            any::<i64>().prop_map(|n| json!(n)), ".{0,20}".prop_map(|text| json!(text)),
        ],
    ) {
        let mut claims = claims(json!({}));
        claims[claim] = value;
        let token = issuer::hmac_signed(SECRET.as_bytes(), &unsigned(json!({"alg": alg}), &claims));
        let answer = now(with_secret().verify_at(&token, NOW));
        prop_assert!(alg == "HS256" || answer.is_err());
    }

    #[test]
    fn any_flipped_character_is_noticed(place in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let token = hs256(SECRET, &claims(json!({})));
        // The last character of a signature of 32 bytes holds two bits that mean nothing.
        let place = place.index(token.len() - 1);
        let changed = format!("{}{to}{}", &token[..place], &token[place + 1..]);
        prop_assume!(changed != token);
        prop_assert!(now(with_secret().verify_at(&changed, NOW)).is_err());
    }
}

/// The result of a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    use futures_util::FutureExt;
    future.now_or_never().unwrap()
}
