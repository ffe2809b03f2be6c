//! Asking an existing login, as a specification. The login is a real server that counts, and may be slow, lie, or be gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::auth::{Auth, AuthOptions, Grant};
use crate::recording::{Scope, Tenant};
use crate::secret::Secret;

const SECRET: &str = "a secret of at least thirty-two bytes";

/// The login.
struct Login {
    asked: AtomicUsize,
    strayed: AtomicUsize,
    fields: Mutex<HeaderMap>,
    answer: Mutex<(u16, String)>,
    /// Answers pass through it.
    gate: Semaphore,
    url: Url,
    _server: Mutex<JoinSet<()>>,
}

impl Login {
    async fn saying(answer: Value) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let login = Arc::new(Self {
            asked: AtomicUsize::new(0),
            strayed: AtomicUsize::new(0),
            fields: Mutex::default(),
            answer: Mutex::new((200, answer.to_string())),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            url: format!("http://{}/api/auth/me?app=1", listener.local_addr().unwrap()).parse().unwrap(),
            _server: Mutex::default(),
        });
        let me = |State(login): State<Arc<Self>>, fields: HeaderMap| async move {
            login.asked.fetch_add(1, Ordering::SeqCst);
            *login.fields.lock().unwrap() = fields;
            let _open = login.gate.acquire().await;
            let (status, body) = login.answer.lock().unwrap().clone();
            (StatusCode::from_u16(status).unwrap(), [("location", "/elsewhere")], body)
        };
        let elsewhere = |State(login): State<Arc<Self>>| async move {
            login.strayed.fetch_add(1, Ordering::SeqCst);
            known().to_string().into_response()
        };
        let app = Router::new().route("/api/auth/me", get(me)).route("/elsewhere", get(elsewhere));
        let app = app.with_state(login.clone());
        login._server.lock().unwrap().spawn(async move { axum::serve(listener, app).await.unwrap() });
        login
    }

    fn answers(&self, status: u16, body: impl ToString) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn options(&self) -> ForwardOptions {
        ForwardOptions {
            url: self.url.clone(),
            tenant: "/tenant/id".into(),
            user: "/id".into(),
            role: None,
            allow_service: false,
            cache: Duration::from_secs(5),
            services: JwtOptions { secret: Some(Secret::new(SECRET)), tenant_claim: "t".into(), ..Default::default() },
            standing: Standing::default(),
        }
    }

    fn door(&self) -> Forward {
        Forward::new(self.options()).unwrap()
    }
}

fn known() -> Value {
    json!({"id": 9, "role": "admin", "tenant": {"id": 42}})
}

fn cookie(text: &str) -> Credentials {
    Credentials::new(None, [text.as_bytes()]).unwrap()
}

fn tenant(name: &str) -> Scope {
    Scope::Tenant(Tenant::new(name).unwrap())
}

async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_caller_is_whom_the_login_names() {
    let login = Login::saying(known()).await;
    let caller = login.door().ask(&cookie("s=1")).await.unwrap();
    assert_eq!((&*caller.user, &caller.scope, caller.role), ("9", &tenant("42"), Role::Agent));
    for (answer, user) in
        [(json!({"id": "ann", "tenant": {"id": "t"}}), "ann"), (json!({"tenant": {"id": "t"}}), "agent")]
    {
        login.answers(200, answer);
        let caller = login.door().ask(&cookie("s=1")).await.unwrap();
        assert_eq!((&*caller.user, &caller.scope), (user, &tenant("t")));
    }
}

#[tokio::test]
async fn no_word_of_the_login_makes_an_admin_or_a_service_unless_configured() {
    let login = Login::saying(known()).await;
    let role_of = async |word: Value, pointer: Option<&str>, allow_service| {
        login.answers(200, json!({"role": word, "tenant": {"id": 1}}));
        let options = ForwardOptions { role: pointer.map(Into::into), allow_service, ..login.options() };
        let caller = Forward::new(options).unwrap().ask(&cookie("s=1")).await.unwrap();
        assert_eq!(caller.scope == Scope::Every, caller.role == Role::Service);
        caller.role
    };
    for word in ["admin", "service"] {
        assert_eq!(role_of(json!(word), None, true).await, Role::Agent, "{word}");
    }
    assert_eq!(role_of(json!("admin"), Some("/role"), false).await, Role::Admin);
    assert_eq!(role_of(json!("service"), Some("/role"), false).await, Role::Agent);
    assert_eq!(role_of(json!("service"), Some("/role"), true).await, Role::Service);
    for word in [json!("owner"), json!("Admin"), json!(["admin"]), json!(1), json!(null)] {
        assert_eq!(role_of(word.clone(), Some("/role"), true).await, Role::Agent, "{word}");
    }
}

#[tokio::test]
async fn the_login_is_shown_cookie_and_authorization_as_they_came_and_nothing_else() {
    let login = Login::saying(known()).await;
    let lines: [&[u8]; 2] = [b"s=1; name=\xd7\x90", b" t=2 "];
    login.door().ask(&Credentials::new(Some(b"Basic dTpw"), lines).unwrap()).await.unwrap();
    let fields = login.fields.lock().unwrap().clone();
    assert_eq!(fields["authorization"], "Basic dTpw");
    assert_eq!(fields["cookie"].as_bytes(), b"s=1; name=\xd7\x90; t=2");
    let mut names: Vec<_> = fields.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "cookie", "host", "user-agent"]);
}

#[tokio::test]
async fn only_401_and_403_refuse_and_a_refusal_is_remembered_for_a_second() {
    let login = Login::saying(known()).await;
    for status in [401, 403] {
        login.answers(status, known());
        let (door, before) = (login.door(), login.asked());
        for _ in 0..3 {
            assert_eq!(door.ask(&cookie("s=1")).await, Err(Denied::Refused), "{status}");
        }
        assert_eq!(login.asked(), before + 1);
        later(REFUSED_FOR).await;
        login.answers(200, known());
        assert!(door.ask(&cookie("s=1")).await.is_ok(), "who has logged in since");
    }
}

#[tokio::test]
async fn whatever_else_the_login_says_lets_nobody_in_and_is_asked_again() {
    let login = Login::saying(known()).await;
    let door = login.door();
    let of = |tenant: Value| json!({"id": 9, "tenant": {"id": tenant}}).to_string();
    let mut lies: Vec<(u16, String)> =
        [201, 204, 301, 302, 307, 400, 404, 407, 429, 500, 502, 503].map(|status| (status, known().to_string())).into();
    let bodies = ["", "null", "[]", "42", "\"x\"", "<html>", "{", "{}", r#"{"tenant": 42}"#, r#"{"tenant": {"id": 4"#];
    lies.extend(bodies.map(|body| (200, body.to_owned())));
    let tenants = [json!(null), json!(""), json!(1.5), json!(true), json!(["42"]), json!({}), json!("x".repeat(129))];
    lies.extend(tenants.map(|tenant| (200, of(tenant))));
    let padded = |bytes: usize| format!("{}{}", known(), " ".repeat(bytes - known().to_string().len()));
    lies.push((200, padded(64 * 1024 + 1)));
    for (n, (status, body)) in lies.into_iter().enumerate() {
        login.answers(status, &body);
        let answer = door.ask(&cookie("s=1")).await;
        assert_eq!(answer, Err(Denied::LoginUnavailable), "{status} {}", &body[..body.len().min(80)]);
        assert_eq!(login.asked(), n + 1);
    }
    assert_eq!(login.strayed.load(Ordering::SeqCst), 0, "redirects are not followed");
    login.answers(200, padded(64 * 1024));
    assert!(door.ask(&cookie("s=1")).await.is_ok());
}

#[tokio::test]
async fn a_login_that_is_gone_lets_nobody_in_and_one_that_is_slow_is_waited_for_three_seconds() {
    let login = Login::saying(known()).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = ForwardOptions { url: format!("http://{nobody}/").parse().unwrap(), ..login.options() };
    assert_eq!(Forward::new(gone).unwrap().ask(&cookie("s=1")).await, Err(Denied::LoginUnavailable));
    login.gate.forget_permits(Semaphore::MAX_PERMITS);
    let begun = Instant::now();
    assert_eq!(login.door().ask(&cookie("s=1")).await, Err(Denied::LoginUnavailable));
    let took = begun.elapsed().as_secs_f64();
    assert!((2.9..5.0).contains(&took), "{took}");
}

#[tokio::test]
async fn an_answer_is_remembered_for_its_time_and_no_longer() {
    let login = Login::saying(known()).await;
    let door = login.door();
    assert!(door.recall(&cookie("s=1")).is_none(), "not before it is known");
    let caller = door.ask(&cookie("s=1")).await.unwrap();
    assert_eq!(door.recall(&cookie("s=1")), Some(caller));
    assert!(door.recall(&cookie("s=2")).is_none());
    assert!(door.ask(&cookie("s=1")).await.is_ok());
    assert_eq!(login.asked(), 1);
    login.answers(401, "");
    later(Duration::from_secs(5)).await;
    assert!(door.recall(&cookie("s=1")).is_none());
    assert_eq!(door.ask(&cookie("s=1")).await, Err(Denied::Refused));
    assert!(door.recall(&cookie("s=1")).is_none(), "a refusal is nobody");
}

#[tokio::test]
async fn a_good_answer_is_not_used_past_its_time_because_the_login_is_down() {
    let login = Login::saying(known()).await;
    let door = login.door();
    assert!(door.ask(&cookie("s=1")).await.is_ok());
    login.answers(500, "");
    assert!(door.ask(&cookie("s=1")).await.is_ok());
    later(Duration::from_secs(5)).await;
    assert_eq!(door.ask(&cookie("s=1")).await, Err(Denied::LoginUnavailable));
}

#[tokio::test]
async fn with_no_time_to_remember_each_question_is_put() {
    let login = Login::saying(known()).await;
    let door = Forward::new(ForwardOptions { cache: Duration::ZERO, ..login.options() }).unwrap();
    for n in 1..4 {
        assert!(door.ask(&cookie("s=1")).await.is_ok());
        assert_eq!((login.asked(), door.recall(&cookie("s=1"))), (n, None));
    }
}

#[tokio::test]
async fn many_who_bring_the_same_are_one_question_which_outlives_who_asked_first() {
    let login = Login::saying(known()).await;
    let (door, credentials) = (login.door(), cookie("s=1"));
    login.gate.forget_permits(Semaphore::MAX_PERMITS);
    let hasty = tokio::time::timeout(Duration::from_millis(50), door.ask(&credentials)).await;
    assert!(hasty.is_err());
    let mut others = Box::pin(join_all((0..20).map(|_| door.ask(&credentials))));
    assert!(others.as_mut().now_or_never().is_none());
    login.gate.add_permits(1000);
    assert!(others.await.iter().all(Result::is_ok));
    assert_eq!(login.asked(), 1);
    assert!(door.0.asking.lock().unwrap().is_empty(), "nothing is kept of a question that was answered");
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_waited_for_it() {
    let login = Login::saying(known()).await;
    let (door, credentials) = (login.door(), cookie("s=1"));
    login.answers(500, "");
    login.gate.forget_permits(Semaphore::MAX_PERMITS);
    let mut all = Box::pin(join_all((0..20).map(|_| door.ask(&credentials))));
    assert!(all.as_mut().now_or_never().is_none());
    login.gate.add_permits(1000);
    assert!(all.await.iter().all(|answer| *answer == Err(Denied::LoginUnavailable)));
    assert_eq!(login.asked(), 1);
}

#[tokio::test]
async fn the_login_is_asked_so_much_at_once_and_the_rest_waits_its_turn() {
    let login = Login::saying(known()).await;
    let door = login.door();
    login.gate.forget_permits(Semaphore::MAX_PERMITS);
    let all: Vec<Credentials> = (0..ASKED_AT_ONCE + 20).map(|n| cookie(&format!("s={n}"))).collect();
    let mut answers = Box::pin(join_all(all.iter().map(|credentials| door.ask(credentials))));
    assert!(answers.as_mut().now_or_never().is_none());
    while login.asked() < ASKED_AT_ONCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(login.asked(), ASKED_AT_ONCE);
    login.gate.add_permits(100_000);
    assert!(answers.await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn beyond_those_who_may_wait_nobody_is_known_at_once() {
    let login = Login::saying(known()).await;
    let door = login.door();
    login.gate.forget_permits(Semaphore::MAX_PERMITS);
    for n in 0..MOST_WAITING {
        assert!(door.ask(&cookie(&format!("s={n}"))).now_or_never().is_none());
    }
    let one_more = door.ask(&cookie("one more")).now_or_never();
    assert_eq!(one_more, Some(Err(Denied::LoginUnavailable)));
    assert!(door.ask(&cookie("s=1")).now_or_never().is_none(), "who waits already may be joined");
}

#[tokio::test]
async fn our_own_back_ends_token_needs_no_question_and_any_other_token_does() {
    let login = Login::saying(known()).await;
    let sign = |role| {
        let t = Tenant::new("t").unwrap();
        let expires = Timestamp::now().plus(Duration::from_secs(60));
        let token = login.options().services.sign(&Grant { user: "u", tenant: Some(&t), role, expires }).unwrap();
        Credentials::bearer(&token).unwrap()
    };
    let door = login.door();
    let service = door.ask(&sign(Role::Service)).await.unwrap();
    assert_eq!((service.role, &service.scope, login.asked()), (Role::Service, &Scope::Every, 0));
    for role in [Role::Agent, Role::Admin] {
        let caller = door.ask(&sign(role)).await.unwrap();
        assert_eq!((&caller.scope, caller.role), (&tenant("42"), Role::Agent), "as the login says");
    }
    assert_eq!(login.asked(), 2);
}

#[tokio::test]
async fn a_token_by_itself_is_shown_as_a_bearer_token() {
    let login = Login::saying(known()).await;
    let auth = Auth::new(AuthOptions::Forward(Box::new(login.options()))).unwrap();
    assert!(auth.verify("opaque-token").await.is_ok());
    let fields = login.fields.lock().unwrap().clone();
    assert_eq!((&fields["authorization"], fields.get("cookie")), (&"Bearer opaque-token".parse().unwrap(), None));
    assert_eq!(auth.verify("").await, Err(Denied::Missing));
    for bad in ["a b", "a\r\nx: y", "\u{5d0}", &"x".repeat(17_000)] {
        assert!(matches!(auth.verify(bad).await, Err(Denied::Malformed(_))), "{bad}");
    }
    assert!(auth.anyone().is_none() && auth.recall("opaque-token").is_none());
}

#[test]
fn credentials_are_told_apart_bounded_and_never_printed() {
    let of = |authorization: &'static str, cookie: &'static str| {
        Credentials::new(Some(authorization.as_bytes()), [cookie.as_bytes()])
    };
    let digests = [("a", "b"), ("b", "a"), ("ab", ""), ("", "ab")].map(|(a, c)| of(a, c).unwrap().digest());
    for (n, digest) in digests.iter().enumerate() {
        assert!(!digests[n + 1..].contains(digest));
    }
    assert_eq!(of("", " ").unwrap_err(), Denied::Missing);
    assert!(matches!(Credentials::new(None, [&[b'x'; 17_000][..]]), Err(Denied::Malformed(_))));
    assert_eq!(format!("{:?}", of("hunter2", "hunter2").unwrap()), "Credentials");
}

#[test]
fn what_a_browser_adds_by_itself_is_ambient_and_a_bearer_token_is_not() {
    let of = |authorization: &str, cookies: &[&'static [u8]]| {
        Credentials::new(Some(authorization.as_bytes()), cookies.iter().copied()).unwrap().are_ambient()
    };
    assert!(of("", &[b"s=1"]) && of("Basic dTpw", &[]) && of("Bearer t", &[b"s=1"]) && of("Negotiate x", &[]));
    assert!(!of("Bearer t", &[]) && !of("bearer t", &[]));
}
