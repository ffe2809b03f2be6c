//! The command line as people and scripts meet it: the built binary, in a directory of its own, against a stand-in for
//! the server.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::extract::{Path as Param, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use landfall::auth::{Auth, AuthOptions, JwtOptions, Role};
use landfall::recording::{Scope, Tenant, Timestamp};
use landfall::secret::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;

const SECRET: &str = "the HMAC secret of these tests, long enough";

/// A working directory, removed at the end.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(config: &str) -> Self {
        let place = Self::new();
        place.write("landfall.toml", config);
        place
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    async fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[]).await
    }

    async fn run_with(&self, args: &[&str], vars: &[(&str, &str)]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
        command.args(args).current_dir(self.0.path()).env_clear().envs(vars.iter().copied()).kill_on_drop(true);
        let output = tokio::time::timeout(std::time::Duration::from_secs(30), command.output()).await;
        Said::from(output.unwrap().unwrap())
    }
}

struct Said {
    status: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn config() -> String {
    format!("auth.jwt_secret = '{SECRET}'\n")
}

fn auth() -> Auth {
    let secret = Some(Secret::new(SECRET));
    let options = JwtOptions { secret, tenant_claim: "business_id".into(), ..Default::default() };
    Auth::new(AuthOptions::Jwt(options)).unwrap()
}

/// What the stand-in was asked, and what it answers.
struct Stand {
    auth: Auth,
    ready: bool,
    landed: Mutex<Vec<String>>,
    calls: Mutex<HashMap<String, Value>>,
    busy: Mutex<u32>,
}

async fn stand(ready: bool) -> (Arc<Stand>, String, JoinSet<()>) {
    let (landed, calls, busy) = Default::default();
    let stand = Arc::new(Stand { auth: auth(), ready, landed, calls, busy });
    let app = Router::new()
        .route("/readyz", get(readyz))
        .route("/internal/landed", post(landed_route))
        .route("/api/calls/{sid}", put(register))
        .with_state(stand.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (stand, address, server)
}

async fn readyz(State(stand): State<Arc<Stand>>) -> (StatusCode, Json<Value>) {
    if stand.ready {
        return (StatusCode::OK, Json(json!({"ready": true})));
    }
    let checks =
        json!([{"name": "volume", "ok": true}, {"name": "catalog", "ok": false, "code": "catalog_unavailable"}]);
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "checks": checks})))
}

/// Only a service may.
async fn service(stand: &Stand, headers: &HeaderMap) -> Result<(), Response> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match stand.auth.verify(token.unwrap_or_default()).await {
        Ok(caller) if caller.role == Role::Service => Ok(()),
        Ok(_) => Err(StatusCode::FORBIDDEN.into_response()),
        Err(denied) => Err((StatusCode::UNAUTHORIZED, Json(json!({"detail": denied.to_string()}))).into_response()),
    }
}

async fn landed_route(
    State(stand): State<Arc<Stand>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<StatusCode, Response> {
    service(&stand, &headers).await?;
    let sids = body["sids"].as_array().unwrap().iter().map(|sid| sid.as_str().unwrap().to_owned());
    stand.landed.lock().unwrap().extend(sids);
    Ok(StatusCode::NO_CONTENT)
}

async fn register(
    State(stand): State<Arc<Stand>>,
    Param(sid): Param<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<StatusCode, Response> {
    service(&stand, &headers).await?;
    let mut busy = stand.busy.lock().unwrap();
    if *busy > 0 {
        *busy -= 1;
        return Err((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response());
    }
    if body["tenant"] == "another" {
        return Err((StatusCode::CONFLICT, Json(json!({"detail": "it is another tenant's"}))).into_response());
    }
    let before = stand.calls.lock().unwrap().insert(sid, body);
    Ok(if before.is_some() { StatusCode::OK } else { StatusCode::CREATED })
}

fn sid(n: u32) -> String {
    format!("CA{n:032x}")
}

#[tokio::test]
async fn help_names_every_command_and_every_exit_status() {
    let said = Place::new().run(&["--help"]).await;
    assert_eq!(said.status, 0);
    for word in [
        "serve",
        "worker",
        "demo",
        "doctor",
        "health",
        "token",
        "signal",
        "import",
        "--config",
        "78 invalid configuration",
    ] {
        assert!(said.out.contains(word), "{word} in {}", said.out);
    }
}

#[tokio::test]
async fn wrong_usage_is_2() {
    let place = Place::with(&config());
    let wrong: [&[&str]; 9] = [
        &[],
        &["sevre"],
        &["token", "--tenant", "7", "--role", "root"],
        &["token", "--tenant", "7", "--ttl", "soon"],
        &["token"],
        &["token", "--role", "admin"],
        &["signal"],
        &["signal", "CA1"],
        &["signal", &sid(1), "--url", "nowhere"],
    ];
    for args in wrong {
        let said = place.run(args).await;
        assert_eq!(said.status, 2, "{args:?}: {}{}", said.out, said.err);
    }
}

#[tokio::test]
async fn an_invalid_configuration_is_78_with_every_fault_and_its_key() {
    let place = Place::with("auth.jwt_secret = 'short'\nlisten = 'x'\n[media]\nchanels = 2");
    for command in [&["serve"] as &[&str], &["health"], &["token", "--tenant", "7"]] {
        let said = place.run(command).await;
        assert_eq!((said.status, &*said.out), (78, ""), "{}", said.err);
        for key in ["auth.jwt_secret has 5 bytes", "listen is \"x\"", "media.chanels is no known key"] {
            assert!(said.err.contains(key), "{key} in {}", said.err);
        }
    }
    let off_loopback = [("LANDFALL_AUTH__MODE", "none"), ("LANDFALL_LISTEN", "0.0.0.0:8080")];
    let said = Place::new().run_with(&["serve"], &off_loopback).await;
    assert!(said.status == 78 && said.err.contains("auth.mode"), "{}", said.err);
    let said = Place::new().run(&["serve"]).await;
    assert!(said.status == 78 && said.err.contains("auth.jwt_secret"), "{}", said.err);
}

#[tokio::test]
async fn a_worker_without_a_redis_is_78_and_says_what_to_set() {
    let said = Place::with(&config()).run(&["worker"]).await;
    assert_eq!((said.status, &*said.out), (78, ""), "{}", said.err);
    assert!(said.err.contains("redis_url is not set") && said.err.contains("landfall serve"), "{}", said.err);
}

#[tokio::test]
async fn a_worker_beside_those_of_rq_is_78_and_says_which_ones_to_run() {
    let rq = [("LANDFALL_JOBS", "rq"), ("LANDFALL_REDIS_URL", "redis://127.0.0.1:1"), ("LANDFALL_RQ__FUNCTION", "a.b")];
    let said = Place::with(&config()).run_with(&["worker"], &rq).await;
    assert_eq!((said.status, &*said.out), (78, ""), "{}", said.err);
    assert!(said.err.contains("jobs is rq") && said.err.contains("rq worker"), "{}", said.err);
}

#[tokio::test]
async fn the_configuration_may_be_named_before_or_after_the_command() {
    let place = Place::new();
    place.write("other.toml", &config());
    for args in
        [["--config", "other.toml", "token", "--tenant", "7"], ["token", "--tenant", "7", "--config", "other.toml"]]
    {
        assert_eq!(place.run(&args).await.status, 0);
    }
    let said = place.run(&["token", "--tenant", "7", "--config", "missing.toml"]).await;
    assert!(said.status == 78 && said.err.contains("missing.toml"), "{}", said.err);
}

#[tokio::test]
async fn a_printed_token_is_good_for_what_was_asked() {
    let place = Place::with(&config());
    let said = place.run(&["token", "--tenant", "7", "--role", "admin", "--ttl", "10m", "--user", "ann"]).await;
    let caller = auth().verify(said.out.trim()).await.unwrap();
    assert_eq!((&*caller.user, caller.role), ("ann", Role::Admin));
    assert_eq!(caller.scope, Scope::Tenant(Tenant::new("7").unwrap()));
    let seconds = caller.expires.seconds() - Timestamp::now().seconds();
    assert!((590..=600).contains(&seconds), "{seconds}");
    let said = place.run(&["token", "--role", "service"]).await;
    assert_eq!(auth().verify(said.out.trim()).await.unwrap().scope, Scope::Every);
}

#[tokio::test]
async fn without_a_secret_no_token_can_be_signed() {
    let place = Place::with("auth.jwks_url = 'https://issuer.example/jwks.json'");
    let said = place.run(&["token", "--tenant", "7"]).await;
    assert_eq!((said.status, &*said.out), (1, ""));
    assert!(said.err.contains("auth.jwt_secret"), "{}", said.err);
}

#[tokio::test]
async fn health_is_0_when_ready_and_1_with_the_reason_when_not() {
    let (_stand, address, _server) = stand(true).await;
    let said = Place::with(&format!("{}listen = '{address}'", config())).run(&["health"]).await;
    assert_eq!((said.status, said.out.trim()), (0, "ready"));

    let (_stand, address, server) = stand(false).await;
    let place = Place::with(&format!("{}listen = '{}'", config(), address.replace("127.0.0.1", "0.0.0.0")));
    let said = place.run(&["health"]).await;
    assert_eq!(said.status, 1);
    assert!(said.err.contains("catalog (catalog_unavailable)") && !said.err.contains("volume"), "{}", said.err);

    drop(server);
    let said = place.run(&["health"]).await;
    assert!(said.status == 1 && said.err.contains("cannot be reached"), "{}", said.err);
}

#[tokio::test]
async fn signal_tells_the_server_as_a_service() {
    let (stand, address, _server) = stand(true).await;
    let place = Place::with(&config());
    let said = place.run(&["signal", &sid(1), &sid(2), "--url", &format!("http://{address}/")]).await;
    assert_eq!(said.status, 0, "{}", said.err);
    assert_eq!(*stand.landed.lock().unwrap(), [sid(1), sid(2)]);

    let stranger = Place::with(&format!("auth.jwt_secret = '{}'\nlisten = '{address}'", SECRET.to_uppercase()));
    let said = stranger.run(&["signal", &sid(1)]).await;
    assert!(said.status == 1 && said.err.contains("401"), "{}", said.err);
}

#[tokio::test]
async fn with_secrets_by_name_the_newest_signs_also_where_a_login_is_asked() {
    let (stand, address, _server) = stand(true).await;
    let listed =
        format!("jwt_secrets = [{{kid = 'a', secret = '{}'}}, {{kid = 'b', secret = '{SECRET}'}}]\n", "x".repeat(32));
    let forward = "mode = 'forward'\nforward_url = 'http://127.0.0.1:1/me'\nforward_tenant_pointer = '/tenant'\n";
    for (n, config) in [format!("[auth]\n{listed}"), format!("[auth]\n{forward}{listed}")].iter().enumerate() {
        let place = Place::with(config);
        let said = place.run(&["token", "--role", "service"]).await;
        let header = jsonwebtoken::decode_header(said.out.trim()).unwrap();
        assert_eq!((said.status, header.kid.as_deref()), (0, Some("b")), "{}", said.err);
        assert_eq!(auth().verify(said.out.trim()).await.unwrap().role, Role::Service);
        let said = place.run(&["signal", &sid(1), "--url", &format!("http://{address}")]).await;
        assert_eq!((said.status, stand.landed.lock().unwrap().len()), (0, n + 1), "{}", said.err);
    }
}

async fn import(place: &Place, address: &str, file: &Path) -> Said {
    place.run(&["import", file.to_str().unwrap(), "--url", &format!("http://{address}")]).await
}

#[tokio::test]
async fn import_registers_every_call_and_can_be_repeated() {
    let (stand, address, _server) = stand(true).await;
    *stand.busy.lock().unwrap() = 3;
    let place = Place::with(&config());
    let header = "call_sid,tenant,account_sid,duration_s,title\n";
    let lines: String = (0..100).map(|n| format!("{},7,AC1,{n},שיחה {n}\n", sid(n))).collect();
    let file = place.write("calls.csv", &format!("{header}{lines}"));
    let said = import(&place, &address, &file).await;
    assert_eq!((said.status, said.out.trim()), (0, "100 registered, 0 known already, 0 failed"), "{}", said.err);
    let fifth = json!({"tenant": "7", "account_sid": "AC1", "duration_s": 5, "title": "שיחה 5"});
    assert_eq!(stand.calls.lock().unwrap()[&sid(5)], fifth);
    let said = import(&place, &address, &file).await;
    assert_eq!(said.out.trim(), "0 registered, 100 known already, 0 failed");
}

#[tokio::test]
async fn import_tells_which_lines_failed_and_why_and_goes_on() {
    let (stand, address, _server) = stand(true).await;
    let place = Place::with(&config());
    let line = |n, tenant: &str| json!({"call_sid": sid(n), "tenant": tenant}).to_string();
    let file =
        place.write("calls.jsonl", &format!("{}\nnonsense\n{}\n{}\n", line(1, "7"), line(2, "another"), line(3, "7")));
    // Its first byte makes it JSON, so the second line is a bad one of those.
    let said = import(&place, &address, &file).await;
    assert_eq!((said.status, said.out.trim()), (1, "2 registered, 0 known already, 2 failed"));
    assert!(said.err.contains("line 2: it is no JSON object"), "{}", said.err);
    assert!(said.err.contains("line 3: 409 Conflict: it is another tenant's"), "{}", said.err);
    assert_eq!(stand.calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn import_stops_at_once_when_no_line_can_succeed() {
    let place = Place::with(&format!("{}listen = '127.0.0.1:1'", config()));
    let file = place.write("calls.csv", &format!("call_sid,tenant\n{},7\n{},7\n", sid(1), sid(2)));
    let said = place.run(&["import", file.to_str().unwrap()]).await;
    assert!(said.status == 1 && said.err.contains("stopped at line 2"), "{}", said.err);
    let said = place.run(&["import", "missing.csv"]).await;
    assert!(said.status == 1 && said.err.contains("missing.csv"), "{}", said.err);
}
