//! Every key, in the order of the documentation, and the rules between them.

use std::time::Duration;

use toml::Value;
use tracing_subscriber::EnvFilter;

use super::accounts;
use super::call_log;
use super::fault::{Faults, Parsed, Wrong, wrong};
use super::jwt_secrets;
use super::reader::Reader;
use super::values::{
    address, base_url, boolean, bytes, choice, duration, header, hmac_secret, list, number, origin, path, pointer,
    secret, text, token, url,
};
use super::{
    AuthConfig, AuthMode, Config, Limits, LogFormat, MediaConfig, RetentionConfig, TwilioConfig, WorkerConfig,
};
use crate::auth::{Auth, AuthOptions};
use crate::broker::Broker;
use crate::catalog::{Database, PostgresOptions};
use crate::recording::Container;
use crate::secret::Secret;
use crate::source::Redirects;

const DATABASE: &str = "sqlite://./data/landfall.db";
const API_BASE: &str = "https://api.twilio.com";
const REDIRECTS: &str = "twilio.com";
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn read(from: &mut Reader) -> Result<Config, Faults> {
    ["call_log", "auth", "twilio", "media", "retention", "limits", "worker"]
        .into_iter()
        .for_each(|name| from.section(name));
    let config = keys(from);
    if let Some(config) = &config {
        together(from, config);
    }
    // What `keys` cannot make, it has noted as a fault.
    from.finish().and(config.ok_or(Faults(Vec::new())))
}

fn keys(from: &mut Reader) -> Option<Config> {
    let database_url = from.secret("database_url", database).or_else(|| database(&DATABASE.into()).ok())?;
    let accounts = accounts::read(from);
    let listen = from.read("listen", ([127, 0, 0, 1], 8080).into(), address);
    Some(Config {
        listen,
        metrics_listen: from.optional("metrics_listen", address),
        public_url: from.optional("public_url", origin),
        volume: from.read("volume", "./data/recordings".into(), path),
        call_log: call_log::read(from, &database_url, &accounts),
        database_url,
        redis_url: from.secret("redis_url", redis),
        allowed_origins: from.optional("allowed_origins", list(origin)),
        auth: auth(from),
        twilio: TwilioConfig {
            api_base: from.optional("twilio.api_base", base_url).or_else(|| base_url(&API_BASE.into()).ok())?,
            accounts,
            redirects: from
                .optional("twilio.redirects", list(redirects))
                .unwrap_or_else(|| vec![Redirects::Hosts(REDIRECTS.into())]),
            allow_private: from.read("twilio.allow_private", false, boolean),
        },
        media: media(from),
        retention: RetentionConfig {
            days: from.optional("retention.days", number(1, 36_500)),
            max_bytes: from.optional("retention.max_bytes", bytes),
            delete_at_source: from.read("retention.delete_at_source", false, boolean),
        },
        limits: Limits {
            connections: from.optional("limits.connections", number(1, 10_000_000)),
            connections_per_address: from.read("limits.connections_per_address", 1024, number(1, 10_000_000)),
            sockets_per_user: from.read("limits.sockets_per_user", 64, number(1, 1_000_000)),
            sockets_per_address: from.read("limits.sockets_per_address", 1024, number(1, 1_000_000)),
            sids_per_socket: from.read("limits.sids_per_socket", 256, number(1, 65_536)),
            message_bytes: from.read("limits.message_bytes", 16_384, number(256, 1 << 24)),
            waiting_requests: from.read("limits.waiting_requests", 4096, number(1, 1_000_000)),
            requests_at_once: from.read("limits.requests_at_once", 8192, number(1, 1_000_000)),
            requests_per_minute: from.read("limits.requests_per_minute", 30_000, number(1, 100_000_000)),
            requests_per_minute_per_address: from.read(
                "limits.requests_per_minute_per_address",
                120_000,
                number(1, 100_000_000),
            ),
            prepares_per_minute: from.read("limits.prepares_per_minute", 600, number(1, 1_000_000)),
            prepares_per_minute_per_address: from.read(
                "limits.prepares_per_minute_per_address",
                6000,
                number(1, 1_000_000),
            ),
            failed_logins_per_minute: from.read("limits.failed_logins_per_minute", 600, number(1, 1_000_000)),
            jobs_waiting: from.read("limits.jobs_waiting", 100_000, number(1, 10_000_000)),
        },
        shutdown_grace: from.read("shutdown_grace", 25 * SECOND, duration(Duration::ZERO, HOUR)),
        worker: WorkerConfig {
            concurrency: from.read("worker.concurrency", 8, number(1, 1024)),
            per_tenant: from.read("worker.per_tenant", 3, number(1, 1024)),
            give_up_after: from.read("worker.give_up_after", 120 * SECOND, duration(SECOND, DAY)),
        },
        log: from.read("log", "info".into(), filter),
        log_format: {
            let words = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
            from.read("log_format", LogFormat::Auto, choice(words))
        },
    })
}

fn auth(from: &mut Reader) -> AuthConfig {
    AuthConfig {
        mode: {
            let words = [("jwt", AuthMode::Jwt), ("forward", AuthMode::Forward), ("none", AuthMode::None)];
            from.read("auth.mode", AuthMode::Jwt, choice(words))
        },
        jwt_secret: from.secret("auth.jwt_secret", hmac_secret),
        jwt_secrets: jwt_secrets::read(from),
        jwks_url: from.optional("auth.jwks_url", url),
        jwks_file: from.optional("auth.jwks_file", path),
        tenant_claim: from.read("auth.tenant_claim", "business_id".into(), claim),
        cookie: from.read("auth.cookie", "landfall_session".into(), token),
        forward_url: from.optional("auth.forward_url", url),
        forward_tenant_pointer: from.optional("auth.forward_tenant_pointer", pointer),
        forward_user_pointer: from.read("auth.forward_user_pointer", "/id".into(), pointer),
        forward_role_pointer: from.optional("auth.forward_role_pointer", pointer),
        forward_allow_service: from.read("auth.forward_allow_service", false, boolean),
        forward_cache: from.read("auth.forward_cache", 5 * SECOND, duration(Duration::ZERO, 60 * SECOND)),
    }
}

fn media(from: &mut Reader) -> MediaConfig {
    MediaConfig {
        format: from.read("media.format", Container::Mp3, choice([("mp3", Container::Mp3), ("wav", Container::Wav)])),
        channels: from.read("media.channels", 2, choice([("1", 1), ("2", 2)])),
        cache_control: from.read("media.cache_control", "no-store".into(), header),
        head_prepares: from.read("media.head_prepares", false, boolean),
        link_ttl: from.read("media.link_ttl", 600 * SECOND, duration(SECOND, 7 * DAY)),
    }
}

/// Never shown in a fault: a database's URL may hold a password.
fn database(value: &Value) -> Parsed<Database> {
    let text = text(value)?;
    match text.split_once("://") {
        Some(("postgres" | "postgresql", _)) => match PostgresOptions::parse(&text) {
            Ok(options) => Ok(Database::Postgres(Box::new(options))),
            Err(why) => wrong(why.to_string(), "Write one like postgres://user:password@db.example/landfall"),
        },
        Some(("sqlite", path)) if !path.is_empty() && !path.contains('?') => Ok(Database::Sqlite(path.into())),
        _ => wrong("is no URL of a database", format!("Write one like {DATABASE}")),
    }
}

/// Never shown in a fault: it may hold a password.
fn redis(value: &Value) -> Parsed<Secret> {
    let url = secret(value)?;
    match Broker::new(&url) {
        Ok(_) => Ok(url),
        Err(_) => {
            wrong("is no URL of a Redis", "Write one like redis://127.0.0.1:6379 or rediss://:password@host:6379/0")
        }
    }
}

fn redirects(value: &Value) -> Parsed<Redirects> {
    match Redirects::parse(&text(value)?) {
        Some(redirects) => Ok(redirects),
        None => wrong(
            "is neither an origin nor a domain",
            "Write https://media.example.com, or example.com for all hosts below it",
        ),
    }
}

fn claim(value: &Value) -> Parsed<String> {
    match text(value)? {
        taken if matches!(taken.as_str(), "exp" | "nbf" | "role") => {
            wrong(format!("is {taken}, which means something else"), "Name the claim that holds the tenant")
        }
        claim => Ok(claim),
    }
}

fn filter(value: &Value) -> Parsed<String> {
    const MEND: &str = "Write one like info or landfall=debug,warn";
    let text = text(value)?;
    // The parser takes the character before an equals sign for one byte, and panics where it is more.
    if !text.is_ascii() {
        return wrong("is no filter: it has characters other than ASCII", MEND);
    }
    match EnvFilter::builder().parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => wrong(format!("is no filter: {error}"), MEND),
    }
}

/// What no key can tell by itself.
fn together(from: &mut Reader, config: &Config) {
    let auth = &config.auth;
    let mut note = |key: &str, what: String, mend: &str| from.fault(key, None, Wrong { what, mend: mend.into() });
    if auth.mode == AuthMode::None && !config.listen.ip().to_canonical().is_loopback() {
        let what = format!("is none, and {} is no loopback address", config.listen);
        note("auth.mode", what, "Set auth.mode to jwt or forward, or listen at 127.0.0.1");
    }
    if auth.mode == AuthMode::Forward {
        let needed = [
            ("auth.forward_url", auth.forward_url.is_none(), "Set it to the URL that tells who is logged in"),
            (
                "auth.forward_tenant_pointer",
                auth.forward_tenant_pointer.is_none(),
                "Set it to where the answer names the tenant, like /tenant/id",
            ),
        ];
        for (key, is_missing, mend) in needed {
            if is_missing && !from.is_faulty(key) {
                let what = "is not set, and auth.mode is forward".into();
                from.fault(key, None, Wrong { what, mend: mend.into() });
            }
        }
    }
    let mut note = |key: &str, what: String, mend: &str| from.fault(key, None, Wrong { what, mend: mend.into() });
    if auth.jwks_url.is_some() && auth.jwks_file.is_some() {
        note("auth.jwks_file", "and auth.jwks_url are both set".into(), "Keep one of the two");
    }
    let secretless = auth.jwt_secret.is_none() && auth.jwt_secrets.is_empty();
    let keyless = secretless && auth.jwks_url.is_none() && auth.jwks_file.is_none();
    if auth.mode == AuthMode::Jwt && keyless && !from.is_faulty("auth.") {
        let what = "is not set, and no key set is: nobody could log in".into();
        let mend = "Set auth.jwt_secret (`openssl rand -hex 32` makes a good one), auth.jwks_url or auth.jwks_file";
        from.fault("auth.jwt_secret", None, Wrong { what, mend: mend.into() });
    }
    if auth.jwks_file.is_some()
        && !from.is_faulty("auth.")
        && let Err(error) = Auth::new(AuthOptions::Jwt(config.jwt_options()))
    {
        let mend = "Point it to a JSON Web Key Set with an RS256, ES256 or EdDSA key".into();
        from.fault("auth.jwks_file", None, Wrong { what: format!("is refused: {error}"), mend });
    }
}
