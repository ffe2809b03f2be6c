//! Secrets by name: which one checks a token, and which one signs.

use super::*;

const OLD: &str = "the secret of last year, long enough to be one";
const NEW: &str = "the secret of this year, long enough to be one";

fn named(kid: &str, secret: &str) -> NamedSecret {
    NamedSecret { kid: kid.into(), secret: Secret::new(secret) }
}

fn rotating(nameless: Option<&str>) -> JwtOptions {
    let secrets = vec![named("old", OLD), named("new", NEW)];
    JwtOptions { secret: nameless.map(Secret::new), secrets, ..no_keys() }
}

fn token(header: Value, secret: &str) -> String {
    let mut header = header;
    header["alg"] = "HS256".into();
    issuer::hmac_signed(secret.as_bytes(), &unsigned(header, &claims(json!({}))))
}

async fn ask(options: JwtOptions, token: &str) -> Result<Arc<Caller>, Denied> {
    with(options).verify_at(token, NOW).await
}

#[tokio::test]
async fn the_kid_chooses_the_secret_and_no_other_is_tried() {
    for nameless in [None, Some(SECRET)] {
        for (kid, secret) in [("old", OLD), ("new", NEW)] {
            assert!(ask(rotating(nameless), &token(json!({"kid": kid}), secret)).await.is_ok(), "{kid}");
        }
        for (kid, secret) in [("old", NEW), ("new", OLD), ("new", SECRET), ("old", "")] {
            let forged = token(json!({"kid": kid}), secret);
            assert_eq!(ask(rotating(nameless), &forged).await, Err(Denied::BadSignature), "{kid}");
        }
    }
}

#[tokio::test]
async fn tokens_that_name_no_listed_secret_are_good_by_the_nameless_one_for_as_long_as_it_is_kept() {
    for header in [json!({}), json!({"kid": "another"}), json!({"kid": ""})] {
        let before = token(header.clone(), SECRET);
        assert!(ask(rotating(Some(SECRET)), &before).await.is_ok(), "{header}");
        assert_eq!(ask(rotating(None), &before).await, Err(Denied::UnknownKey), "{header}");
        let by_a_listed_one = token(header.clone(), NEW);
        assert_eq!(ask(rotating(Some(SECRET)), &by_a_listed_one).await, Err(Denied::BadSignature), "{header}");
    }
}

#[tokio::test]
async fn a_secret_that_was_removed_opens_nothing_any_more() {
    let removed = JwtOptions { secrets: vec![named("new", NEW)], secret: Some(Secret::new(SECRET)), ..no_keys() };
    assert_eq!(ask(removed, &token(json!({"kid": "old"}), OLD)).await, Err(Denied::BadSignature));
}

#[tokio::test]
async fn a_kid_is_compared_and_is_neither_path_nor_query_nor_pattern() {
    for kid in [
        "/dev/null",
        "../../../../dev/null",
        "file:///dev/null",
        "http://127.0.0.1:1/",
        "new\u{0}",
        "NEW",
        " new",
        "*",
        "' OR '1'='1",
        "new' UNION SELECT ''--",
        "$(true)",
    ] {
        for secret in ["", "\0", SECRET, kid] {
            let forged = token(json!({"kid": kid}), secret);
            assert_eq!(ask(rotating(None), &forged).await, Err(Denied::UnknownKey), "{kid:?}");
        }
    }
    for kid in [json!(7), json!(["new"]), json!({"new": 1}), json!(true)] {
        let token = token(json!({"kid": kid}), NEW);
        assert!(matches!(ask(rotating(None), &token).await, Err(Denied::Malformed(_))), "{kid}");
    }
}

#[tokio::test]
async fn a_public_key_named_like_a_secret_is_not_taken_for_it_nor_the_secret_for_the_key() {
    let issuer = Issuer::rsa("new");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("jwks.json");
    std::fs::write(&file, json!({"keys": [issuer.jwk()]}).to_string()).unwrap();
    let both = || JwtOptions { jwks_file: Some(file.clone()), ..rotating(None) };
    assert!(ask(both(), &issuer.token(&claims(json!({})))).await.is_ok());
    assert!(ask(both(), &token(json!({"kid": "new"}), NEW)).await.is_ok());
    for public in issuer.public_bytes() {
        let message = unsigned(json!({"alg": "HS256", "kid": "new"}), &claims(json!({})));
        let forged = issuer::hmac_signed(&public, &message);
        assert_eq!(ask(both(), &forged).await, Err(Denied::BadSignature));
    }
    for alg in ["RS256", "ES256", "EdDSA"] {
        let message = unsigned(json!({"alg": alg, "kid": "new"}), &claims(json!({})));
        let forged = issuer::hmac_signed(NEW.as_bytes(), &message);
        assert_eq!(ask(rotating(None), &forged).await, Err(Denied::Algorithm), "{alg}");
    }
}

#[tokio::test]
async fn the_last_secret_signs_and_its_name_is_in_the_header() {
    let tenant_7 = Tenant::new("7").unwrap();
    let expires = Timestamp(after(60) * 1000);
    let grant = Grant { user: "u", tenant: Some(&tenant_7), role: Role::Agent, expires };
    for nameless in [None, Some(SECRET)] {
        let token = rotating(nameless).sign(&grant).unwrap();
        assert_eq!(jsonwebtoken::decode_header(&token).unwrap().kid.as_deref(), Some("new"));
        let alone = JwtOptions { secrets: vec![named("new", NEW)], ..no_keys() };
        assert!(ask(alone, &token).await.is_ok());
        assert!(ask(rotating(nameless), &token).await.is_ok());
    }
    let nameless = JwtOptions { secret: Some(Secret::new(SECRET)), ..no_keys() };
    assert_eq!(jsonwebtoken::decode_header(nameless.sign(&grant).unwrap()).unwrap().kid, None);
}
