//! A customer's own login: tells who somebody is by cookie or bearer token, counts who asks, and may lie or be down.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use landfall::auth::{AuthOptions, ForwardOptions, Standing};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::jwt_options;

/// Who is logged in, by what they bring; and the server that says so.
pub struct Login {
    people: Mutex<HashMap<String, Value>>,
    asked: AtomicUsize,
    down: AtomicBool,
    server: Mutex<JoinSet<()>>,
    url: String,
}

impl Login {
    /// One that knows `s=agent` and `Bearer agent` as an agent of the tenant `t`, and `s=other` of another.
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let login = Arc::new(Self {
            people: Mutex::default(),
            asked: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            server: Mutex::default(),
            url: format!("http://{}/me", listener.local_addr().expect("an address")),
        });
        for (brought, tenant) in [("s=agent", "t"), ("Bearer agent", "t"), ("Basic agent", "t"), ("s=other", "other")] {
            login.admit(brought, tenant);
        }
        let app = Router::new().route("/me", get(me)).with_state(login.clone());
        let serve = async move { axum::serve(listener, app).await.expect("it serves") };
        login.server.lock().expect("no panic").spawn(serve);
        login
    }

    /// From now on, whoever brings that is an agent of that tenant.
    pub fn admit(&self, brought: &str, tenant: &str) {
        let person = json!({"id": "ann", "tenant": {"id": tenant}});
        self.people.lock().expect("no panic").insert(brought.into(), person);
    }

    /// From now on, nobody brings that.
    pub fn log_out(&self, brought: &str) {
        self.people.lock().expect("no panic").remove(brought);
    }

    /// Whether each answer is a 500 from now on.
    pub fn is_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A server's options to ask it and remember for that long; and how those are treated who stay.
    pub fn options(&self, cache: Duration, standing: Standing) -> AuthOptions {
        AuthOptions::Forward(Box::new(ForwardOptions {
            url: self.url.parse().expect("a URL"),
            tenant: "/tenant/id".into(),
            user: "/id".into(),
            role: None,
            allow_service: false,
            cache,
            services: jwt_options(),
            standing,
        }))
    }
}

async fn me(State(login): State<Arc<Login>>, fields: HeaderMap) -> Response {
    login.asked.fetch_add(1, Ordering::SeqCst);
    if login.down.load(Ordering::SeqCst) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let brought = fields.get("authorization").or(fields.get("cookie")).and_then(|value| value.to_str().ok());
    let people = login.people.lock().expect("no panic");
    match people.get(brought.unwrap_or_default()) {
        Some(person) => axum::Json(person.clone()).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
