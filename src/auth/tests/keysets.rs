//! Key sets: which key is taken, when the source is asked, and what happens when it does not answer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::task::JoinSet;

use super::*;

fn set(issuers: &[&Issuer]) -> String {
    json!({"keys": issuers.iter().map(|issuer| issuer.jwk()).collect::<Vec<_>>()}).to_string()
}

struct File(tempfile::TempDir);

impl File {
    fn holding(text: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("jwks.json")
    }

    fn options(&self) -> JwtOptions {
        JwtOptions { jwks_file: Some(self.path()), ..no_keys() }
    }
}

/// A place that serves a key set, slowly, and counts who asked.
struct Place {
    asked: AtomicUsize,
    answer: Mutex<(StatusCode, String)>,
}

async fn served(text: String) -> (Arc<Place>, JwtOptions, JoinSet<()>) {
    let place = Arc::new(Place { asked: AtomicUsize::new(0), answer: Mutex::new((StatusCode::OK, text)) });
    let answer = |State(place): State<Arc<Place>>| async move {
        place.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        place.answer.lock().unwrap().clone()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap()).parse().unwrap();
    let app = Router::new().route("/jwks", get(answer)).with_state(place.clone());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (place, JwtOptions { jwks_url: Some(url), ..no_keys() }, server)
}

#[tokio::test]
async fn rs256_es256_and_eddsa_are_verified_by_the_key_of_that_name() {
    let issuers = [Issuer::rsa("a"), Issuer::ec("b"), Issuer::ed25519("c")];
    let file = File::holding(&set(&[&issuers[0], &issuers[1], &issuers[2]]));
    let auth = with(file.options());
    for issuer in &issuers {
        assert!(auth.verify_at(&issuer.token(&claims(json!({}))), NOW).await.is_ok(), "{}", issuer.algorithm());
    }
}

#[tokio::test]
async fn a_public_key_is_never_taken_for_a_secret() {
    for issuer in [Issuer::rsa("k"), Issuer::ec("k"), Issuer::ed25519("k")] {
        let file = File::holding(&set(&[&issuer]));
        let both = JwtOptions { secret: Some(Secret::new(SECRET)), ..file.options() };
        let (alone, both) = (with(file.options()), with(both));
        let message = unsigned(json!({"alg": "HS256", "kid": "k"}), &claims(json!({})));
        for secret in issuer.public_bytes() {
            let forged = issuer::hmac_signed(&secret, &message);
            assert_eq!(alone.verify_at(&forged, NOW).await, Err(Denied::Algorithm));
            assert_eq!(both.verify_at(&forged, NOW).await, Err(Denied::BadSignature));
        }
    }
}

#[tokio::test]
async fn a_key_verifies_its_own_algorithm_only() {
    let issuers = [Issuer::rsa("k"), Issuer::ec("k"), Issuer::ed25519("k")];
    for issuer in &issuers {
        let auth = with(File::holding(&set(&[issuer])).options());
        for alg in ["RS256", "ES256", "EdDSA"].into_iter().filter(|alg| *alg != issuer.algorithm()) {
            let token = issuer.signed(json!({"kid": "k", "alg": alg}), &claims(json!({})));
            assert_eq!(auth.verify_at(&token, NOW).await, Err(Denied::UnknownKey), "{alg}");
        }
        for alg in ["RS384", "RS512", "PS256", "ES384"] {
            let token = issuer.signed(json!({"kid": "k", "alg": alg}), &claims(json!({})));
            assert_eq!(auth.verify_at(&token, NOW).await, Err(Denied::Algorithm), "{alg}");
        }
    }
}

#[tokio::test]
async fn a_key_of_the_same_name_by_another_issuer_does_not_fit() {
    for (ours, theirs) in [
        (Issuer::ec("k"), Issuer::ec("k")),
        (Issuer::ed25519("k"), Issuer::ed25519("k")),
        (Issuer::rsa("k"), Issuer::rsa("k")),
    ] {
        let auth = with(File::holding(&set(&[&ours])).options());
        assert_eq!(auth.verify_at(&theirs.token(&claims(json!({}))), NOW).await, Err(Denied::BadSignature));
    }
}

#[tokio::test]
async fn a_token_without_kid_is_good_when_exactly_one_key_fits_its_algorithm() {
    let (ec, ed, second) = (Issuer::ec("a"), Issuer::ed25519("b"), Issuer::ec("c"));
    let nameless = ec.signed(json!({}), &claims(json!({})));
    let one = with(File::holding(&set(&[&ec, &ed])).options());
    assert!(one.verify_at(&nameless, NOW).await.is_ok());
    let two = with(File::holding(&set(&[&ec, &second])).options());
    assert_eq!(two.verify_at(&nameless, NOW).await, Err(Denied::UnknownKey));
}

#[tokio::test]
async fn secret_and_key_set_stand_side_by_side() {
    let issuer = Issuer::ec("k");
    let file = File::holding(&set(&[&issuer]));
    let auth = with(JwtOptions { secret: Some(Secret::new(SECRET)), ..file.options() });
    assert!(auth.verify_at(&issuer.token(&claims(json!({}))), NOW).await.is_ok());
    assert!(auth.verify_at(&hs256(SECRET, &claims(json!({}))), NOW).await.is_ok());
}

#[test]
fn a_bad_key_file_is_an_error_at_start_that_names_the_file() {
    let secret_in_set = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]}).to_string();
    let mut for_encryption = Issuer::rsa("k").jwk();
    for_encryption["use"] = "enc".into();
    let for_encryption = json!({"keys": [for_encryption]}).to_string();
    for text in ["", "{}", "[]", r#"{"keys":[]}"#, &secret_in_set, &for_encryption, &" ".repeat(300_000)] {
        let file = File::holding(text);
        let error = Auth::new(AuthOptions::Jwt(file.options())).err().unwrap();
        assert!(error.to_string().contains("jwks.json"), "{error}");
    }
    let missing = JwtOptions { jwks_file: Some("/nowhere/jwks.json".into()), ..no_keys() };
    assert!(Auth::new(AuthOptions::Jwt(missing)).is_err());
}

#[tokio::test]
async fn keys_that_nobody_here_knows_do_not_spoil_the_set() {
    let issuer = Issuer::ec("k");
    let text = json!({"keys": [{"kty": "PQ", "alg": "ML-DSA-44"}, 7, issuer.jwk()]}).to_string();
    let auth = with(File::holding(&text).options());
    assert!(auth.verify_at(&issuer.token(&claims(json!({}))), NOW).await.is_ok());
}

#[tokio::test]
async fn a_file_is_read_again_for_an_unknown_key_once_it_has_changed() {
    let (old, new) = (Issuer::ec("old"), Issuer::ec("new"));
    let file = File::holding(&set(&[&old]));
    let auth = with(file.options());
    let token = new.token(&claims(json!({})));
    assert_eq!(auth.verify_at(&token, NOW).await, Err(Denied::UnknownKey));
    std::fs::write(file.path(), set(&[&old, &new])).unwrap();
    assert!(auth.verify_at(&token, NOW).await.is_ok());
    std::fs::write(file.path(), "broken").unwrap();
    assert_eq!(auth.verify_at(&Issuer::ec("third").token(&claims(json!({}))), NOW).await, Err(Denied::UnknownKey));
    assert!(auth.verify_at(&old.token(&claims(json!({"sub": "u2"}))), NOW).await.is_ok(), "the old keys stay");
}

#[tokio::test]
async fn many_first_tokens_cost_one_fetch() {
    let issuer = Issuer::ec("k");
    let (place, options, _server) = served(set(&[&issuer])).await;
    let auth = with(options);
    let tokens: Vec<String> = (0..20).map(|user| issuer.token(&claims(json!({"sub": user})))).collect();
    let answers = futures_util::future::join_all(tokens.iter().map(|token| auth.verify_at(token, NOW))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(place.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn unknown_keys_cause_no_flood_and_a_new_key_is_found_after_ten_seconds() {
    let (old, new) = (Issuer::ec("old"), Issuer::ec("new"));
    let (place, options, _server) = served(set(&[&old])).await;
    let auth = with(options);
    let token = new.token(&claims(json!({})));
    for _ in 0..5 {
        assert_eq!(auth.verify_at(&token, NOW).await, Err(Denied::UnknownKey));
    }
    assert_eq!(place.asked.load(Ordering::SeqCst), 1);
    place.answer.lock().unwrap().1 = set(&[&old, &new]);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    assert!(auth.verify_at(&token, NOW).await.is_ok());
    assert_eq!(place.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_end_the_fetch_for_others() {
    let issuer = Issuer::ec("k");
    let (place, options, _server) = served(set(&[&issuer])).await;
    let auth = with(options);
    let token = issuer.token(&claims(json!({})));
    let hasty = tokio::time::timeout(Duration::from_millis(10), auth.verify_at(&token, NOW)).await;
    assert!(hasty.is_err());
    assert!(auth.verify_at(&token, NOW).await.is_ok());
    assert_eq!(place.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_source_that_fails_lets_nobody_in_and_takes_no_key_away() {
    let issuer = Issuer::ec("k");
    let (place, options, _server) = served(set(&[&issuer])).await;
    *place.answer.lock().unwrap() = (StatusCode::INTERNAL_SERVER_ERROR, "down".into());
    let never_read = with(options.clone());
    let token = issuer.token(&claims(json!({})));
    assert_eq!(never_read.verify_at(&token, NOW).await, Err(Denied::KeysUnavailable));

    *place.answer.lock().unwrap() = (StatusCode::OK, set(&[&issuer]));
    let auth = with(options);
    assert!(auth.verify_at(&token, NOW).await.is_ok());
    place.answer.lock().unwrap().1 = "x".repeat(300_000);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    assert_eq!(auth.verify_at(&Issuer::ec("x").token(&claims(json!({}))), NOW).await, Err(Denied::UnknownKey));
    assert_eq!(place.asked.load(Ordering::SeqCst), 3);
    assert!(auth.verify_at(&issuer.token(&claims(json!({"sub": "u2"}))), NOW).await.is_ok());
}

#[tokio::test]
async fn a_withdrawn_key_is_believed_for_ten_minutes_at_most() {
    let (withdrawn, other) = (Issuer::ec("a"), Issuer::ec("b"));
    let (place, options, _server) = served(set(&[&withdrawn])).await;
    let auth = with(options);
    let token = withdrawn.token(&claims(json!({"exp": after(86_400)})));
    assert!(auth.verify_at(&token, NOW).await.is_ok());
    place.answer.lock().unwrap().1 = set(&[&other]);
    tokio::time::pause();
    tokio::time::advance(BELIEVED).await;
    tokio::time::resume();
    // This look still finds the old key, and has the set read again behind the caller's back.
    let _ = auth.verify_at(&token, NOW.plus(BELIEVED)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(auth.verify_at(&token, NOW.plus(2 * BELIEVED)).await, Err(Denied::UnknownKey));
}
