//! Who may do what: tokens, roles, tenants, and pages that borrow a cookie.

use landfall::recording::Timestamp;
use loadtest::twilio::{NewRecording, Recording};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{Bench, sign, token};

/// Every route about one recording that a listener may call.
fn routes(sid: &str) -> Vec<(Method, String)> {
    let (file, state) = (format!("/api/recordings/file/{sid}"), format!("/api/recordings/{sid}"));
    let (download, old) = (format!("/api/calls/{sid}/download"), format!("/api/calls/download/{sid}"));
    let (prepare, events) = (format!("{state}/prepare"), format!("/api/recordings/events?sid={sid}"));
    vec![
        (Method::GET, file.clone()),
        (Method::HEAD, file),
        (Method::GET, download.clone()),
        (Method::HEAD, download),
        (Method::GET, old.clone()),
        (Method::HEAD, old),
        (Method::GET, state),
        (Method::POST, prepare),
        (Method::GET, events.clone()),
        (Method::GET, format!("{events}&intent=play")),
    ]
}

fn bare(bench: &Bench, method: Method, path: &str) -> RequestBuilder {
    bench.client.request(method, format!("{}{path}", bench.url))
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("an answer").status().as_u16()
}

async fn problem(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("JSON");
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn claims(more: Value) -> String {
    let mut claims = json!({"sub": "u", "business_id": "t", "exp": Timestamp::now().seconds() + 600});
    for (name, value) in more.as_object().expect("an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    sign(&claims)
}

fn registration(recording: &Recording, tenant: Value) -> Value {
    json!({"tenant": tenant, "account_sid": recording.account_sid})
}

#[tokio::test]
async fn without_a_good_token_every_route_answers_401_and_how_to_mend_it() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording::default()).await;
    let mut all = routes(&recording.call_sid);
    all.push((Method::GET, "/api/recordings".into()));
    all.push((Method::PUT, format!("/api/calls/{}", recording.call_sid)));
    all.push((Method::POST, "/internal/landed".into()));
    for (method, path) in all {
        for token in [None, Some("nonsense"), Some("")] {
            let request = bare(&bench, method.clone(), &path);
            let request = token.into_iter().fold(request, RequestBuilder::bearer_auth);
            let answer: Response = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path} {token:?}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{method} {path}");
            if method != Method::HEAD {
                let body: Value = answer.json().await.unwrap();
                assert_eq!((&body["code"], &body["status"]), (&"unauthorized".into(), &401.into()), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_bad_sid_tells_nothing_to_those_without_a_token() {
    let bench = Bench::start().await;
    for path in ["/api/recordings/file/x", "/api/recordings/x", "/api/calls/x/download"] {
        assert_eq!(status(bare(&bench, Method::GET, path)).await, 401, "{path}");
    }
}

#[tokio::test]
async fn only_tokens_that_hold_now_are_good() {
    let bench = Bench::start().await;
    let now = Timestamp::now().seconds();
    let good = [
        json!({}),
        json!({"exp": now - 20}),
        json!({"nbf": now + 20}),
        json!({"nbf": now - 100}),
        json!({"role": "agent"}),
        json!({"sub": null}),
        json!({"business_id": 7}),
        json!({"aud": "somebody", "iss": "somebody else"}),
    ];
    let bad = [
        json!({"exp": now - 31}),
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"nbf": now + 60}),
        json!({"business_id": null}),
        json!({"business_id": ""}),
        json!({"business_id": ["t"]}),
        json!({"role": "root"}),
        json!({"role": 3}),
    ];
    for (claims_list, expected) in [(&good[..], 200), (&bad[..], 401)] {
        for more in claims_list {
            let request = bench.request(Method::GET, "/api/recordings", &claims(more.clone()));
            assert_eq!(status(request).await, expected, "{more}");
        }
    }
}

#[tokio::test]
async fn a_signature_is_checked_by_the_secret_and_hs256_alone() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    let bench = Bench::start().await;
    let body = json!({"sub": "u", "business_id": "t", "role": "service", "exp": Timestamp::now().seconds() + 600});
    let with = |algorithm, secret: &str| {
        encode(&Header::new(algorithm), &body, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    let part = |value: &Value| B64.encode(value.to_string());
    let none = format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"})), part(&body));
    let none_upper = format!("{}.{}.", part(&json!({"alg": "NONE"})), part(&body));
    let good = with(Algorithm::HS256, crate::support::SECRET);
    let (head, tail) = (good.rsplit_once('.').unwrap().0, good.rsplit_once('.').unwrap().1);
    let swapped = format!("{}.{}.{tail}", head.split_once('.').unwrap().0, part(&json!({"role": "service"})));
    assert_eq!(status(bench.request(Method::GET, "/api/recordings", &good)).await, 200);
    for bad in [
        with(Algorithm::HS256, "another secret, as long as the one that counts"),
        with(Algorithm::HS384, crate::support::SECRET),
        with(Algorithm::HS512, crate::support::SECRET),
        none,
        none_upper,
        swapped,
        format!("{head}."),
        head.to_owned(),
        format!("{good}x"),
        "a".repeat(9000),
    ] {
        assert_eq!(status(bench.request(Method::GET, "/api/recordings", &bad)).await, 401, "{bad}");
    }
}

#[tokio::test]
async fn a_header_comes_before_the_cookie_and_a_proxys_header_does_not_count() {
    let bench = Bench::start().await;
    let cookie = |token: &str| format!("landfall_session={token}; other=1");
    let ask = |fields: &[(&str, String)]| {
        let request = bare(&bench, Method::GET, "/api/recordings");
        status(fields.iter().fold(request, |request, (name, value)| request.header(*name, value)))
    };
    let good = token("t", "agent");
    assert_eq!(ask(&[("cookie", cookie(&good))]).await, 200);
    assert_eq!(ask(&[("cookie", cookie("bad"))]).await, 401);
    assert_eq!(ask(&[("cookie", format!("another={good}"))]).await, 401);
    assert_eq!(ask(&[("cookie", cookie(&good)), ("authorization", "Bearer bad".into())]).await, 401);
    assert_eq!(ask(&[("cookie", cookie("bad")), ("authorization", format!("bearer {good}"))]).await, 200);
    assert_eq!(ask(&[("cookie", cookie(&good)), ("authorization", "Basic dTpw".into())]).await, 200);
    let in_url = format!("/api/recordings?token={good}&access_token={good}");
    assert_eq!(status(bare(&bench, Method::GET, &in_url)).await, 401, "URLs end up in logs");
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_cannot_use_the_cookie_to_change_anything() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording { held: true, ..Default::default() }).await;
    let prepare = format!("/api/recordings/{}/prepare", recording.call_sid);
    let ask = async |method: Method, path: &str, origin: Option<&str>, by_cookie: bool, role: &str| {
        let token = token("t", role);
        let request = bare(&bench, method, path).json(&registration(&recording, json!("t")));
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        let request = match by_cookie {
            true => request.header("cookie", format!("landfall_session={token}")),
            false => request.bearer_auth(token),
        };
        status(request).await
    };
    let call = format!("/api/calls/{}", recording.call_sid);
    for foreign in ["https://evil.example", "null", "https://app.example:444"] {
        assert_eq!(ask(Method::POST, &prepare, Some(foreign), true, "agent").await, 403, "{foreign}");
        assert_eq!(ask(Method::PUT, &call, Some(foreign), true, "service").await, 403, "{foreign}");
        let state = bench.json(&format!("/api/recordings/{}", recording.call_sid)).await;
        assert_eq!(state["state"], "unknown", "nothing has been started");
        assert_eq!(ask(Method::GET, "/api/recordings", Some(foreign), true, "agent").await, 200, "reading is CORS's");
    }
    for (origin, by_cookie) in
        [(Some("https://app.example"), true), (None, true), (Some("https://evil.example"), false)]
    {
        assert_eq!(ask(Method::POST, &prepare, origin, by_cookie, "agent").await, 202, "{origin:?}");
        assert_eq!(ask(Method::PUT, &call, origin, by_cookie, "service").await, 200, "{origin:?}");
    }
}

#[tokio::test]
async fn what_another_tenant_owns_does_not_exist() {
    let bench = Bench::start().await;
    let landed = bench.landed(NewRecording::default()).await;
    let new = bench.registered("t", NewRecording::default()).await;
    let unknown = format!("CA{}", "0".repeat(32));
    // The owner has opened it, so that it lies on the server's shelf.
    assert_eq!(bench.get(&format!("/api/recordings/file/{}", landed.call_sid)).await.status(), 200);
    for role in ["agent", "admin"] {
        let other = token("other", role);
        for sid in [&landed.call_sid, &landed.recording_sid, &new.call_sid, &unknown] {
            for (method, path) in routes(sid) {
                let answer = bench.request(method.clone(), &path, &other).send().await.unwrap();
                assert_eq!(answer.status(), 404, "{role} {method} {path}");
                assert!(answer.headers().get("etag").is_none());
                if method != Method::HEAD {
                    let body: Value = answer.json().await.unwrap();
                    assert_eq!(body["code"], "not_found", "{method} {path}");
                }
            }
        }
        let list: Value =
            bench.request(Method::GET, "/api/recordings", &other).send().await.unwrap().json().await.unwrap();
        assert_eq!(list, json!({"items": [], "next_cursor": null}));
        let search = format!("/api/recordings?q={}", landed.call_sid);
        let list: Value = bench.request(Method::GET, &search, &other).send().await.unwrap().json().await.unwrap();
        assert_eq!(list["items"], json!([]));
    }
    let state = bench.json(&format!("/api/recordings/{}", new.call_sid)).await;
    assert_eq!(state["state"], "unknown", "no other tenant's play starts anything");
}

#[tokio::test]
async fn an_answer_for_another_tenant_reads_the_same_as_for_nothing() {
    let bench = Bench::start().await;
    let recording = bench.landed(NewRecording::default()).await;
    let unknown = format!("CA{}", "0".repeat(32));
    let other = token("other", "agent");
    for (theirs, nothings) in routes(&recording.call_sid).into_iter().zip(routes(&unknown)) {
        let mut read = Vec::new();
        for (method, path) in [theirs, nothings] {
            let request = bench.request(method, &path, &other).header("x-request-id", "same");
            let answer = request.send().await.unwrap();
            let mut fields: Vec<String> = answer.headers().iter().map(|field| format!("{field:?}")).collect();
            fields.retain(|field| !field.contains("\"date\""));
            read.push((answer.status(), fields, answer.text().await.unwrap()));
        }
        assert_eq!(read[0], read[1]);
    }
}

#[tokio::test]
async fn lists_show_a_tenants_own_and_a_service_sees_all() {
    let bench = Bench::start().await;
    let (a, b) = (bench.registered("a", Default::default()).await, bench.registered("b", Default::default()).await);
    let list = async |token: String| {
        let page: Value =
            bench.request(Method::GET, "/api/recordings", &token).send().await.unwrap().json().await.unwrap();
        let mut sids: Vec<String> =
            page["items"].as_array().unwrap().iter().map(|item| item["sid"].as_str().unwrap().to_owned()).collect();
        sids.sort();
        sids
    };
    let mut both = vec![a.call_sid.clone(), b.call_sid.clone()];
    both.sort();
    assert_eq!(list(token("a", "agent")).await.join(" "), a.call_sid);
    assert_eq!(list(token("b", "admin")).await.join(" "), b.call_sid);
    assert_eq!(list(token("b", "service")).await, both);
    assert_eq!(list(claims(json!({"role": "service", "business_id": null}))).await, both);
    for sid in both {
        for (method, path) in routes(&sid).into_iter().filter(|(_, path)| !path.contains("/events")) {
            let status = status(bench.request(method.clone(), &path, &token("-", "service"))).await;
            assert!([200, 202].contains(&status), "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_tenant_may_be_written_as_a_number() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(Default::default());
    let put = async |tenant: Value| {
        let path = format!("/api/calls/{}", recording.call_sid);
        status(bench.request(Method::PUT, &path, &token("-", "service")).json(&registration(&recording, tenant))).await
    };
    assert_eq!(put(json!(42)).await, 201);
    assert_eq!(put(json!("42")).await, 200);
    assert_eq!(put(json!(43)).await, 409);
    for tenant in [json!(42), json!("42")] {
        let token = claims(json!({"business_id": tenant}));
        let path = format!("/api/recordings/{}", recording.call_sid);
        assert_eq!(status(bench.request(Method::GET, &path, &token)).await, 200, "{tenant}");
    }
}

#[tokio::test]
async fn back_ends_routes_need_the_role_of_one() {
    let bench = Bench::start().await;
    let recording = bench.simulator.add(Default::default());
    let path = format!("/api/calls/{}", recording.call_sid);
    for role in ["agent", "admin"] {
        let body = registration(&recording, json!("t"));
        let register = bench.request(Method::PUT, &path, &token("t", role)).json(&body);
        assert_eq!(problem(register).await, (403, "role_too_low".into()), "{role}");
        let landed = bench.request(Method::POST, "/internal/landed", &token("t", role)).json(&json!({"sids": []}));
        assert_eq!(problem(landed).await, (403, "role_too_low".into()), "{role}");
    }
    let landed = bench.request(Method::POST, "/internal/landed", &token("-", "service"));
    assert_eq!(status(landed.json(&json!({"sids": [recording.call_sid]}))).await, 204);
}
