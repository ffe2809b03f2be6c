//! The configuration: read whole and once, checked whole, and handed down as plain options. Binds nothing and asks no
//! network. `docs/configuration.md` lists every key with its default and its variable.

mod accounts;
mod call_log;
mod fault;
mod jwt_secrets;
mod members;
mod reader;
mod sections;
#[cfg(test)]
mod tests;
mod values;

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::auth::{AuthOptions, ForwardOptions, JwtOptions, NamedSecret, Standing};
use crate::catalog::{CallLogOptions, Database};
use crate::recording::Container;
use crate::retention::RetentionOptions;
use crate::secret::Secret;
use crate::source::{Account, Redirects, TwilioOptions};

pub use accounts::TwilioAccount;
pub use fault::{Fault, Faults, Wrong};
use reader::Reader;
pub use values::parse_duration;

/// Read when no other file is named, if it is there.
const FILE: &str = "landfall.toml";
/// No configuration is longer.
const MOST_BYTES: u64 = 1 << 20;

/// Everything that can be configured, in the order of the documentation.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Where metrics are served, when not at `listen`; a worker listens nowhere else.
    pub metrics_listen: Option<SocketAddr>,
    /// What browsers and the provider call; see [`Config::public_url`].
    pub public_url: Option<String>,
    /// The directory that all processes share.
    pub volume: PathBuf,
    /// Where the catalog is.
    pub database_url: Database,
    /// The table of another system that calls are taken over from.
    pub call_log: Option<CallLogOptions>,
    /// Where jobs and signals go through, when not through one process.
    pub redis_url: Option<Secret>,
    /// Origins of pages that may call; the public URL's alone, when there are none.
    pub allowed_origins: Option<Vec<String>>,
    /// Who is asking.
    pub auth: AuthConfig,
    /// Where recordings come from.
    pub twilio: TwilioConfig,
    /// What recordings are asked for and served as.
    pub media: MediaConfig,
    /// When recordings are removed.
    pub retention: RetentionConfig,
    /// What one user, address or socket may hold.
    pub limits: Limits,
    /// How long requests in flight may take at shutdown.
    pub shutdown_grace: Duration,
    /// How downloads are shared out.
    pub worker: WorkerConfig,
    /// What is logged, in the manner of `RUST_LOG`.
    pub log: String,
    /// How it is written.
    pub log_format: LogFormat,
}

/// `auth.*`
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// How callers are told apart.
    pub mode: AuthMode,
    /// Verifies and signs HS256; at least 32 bytes.
    pub jwt_secret: Option<Secret>,
    /// The same by name, for rotation; the newest comes last.
    pub jwt_secrets: Vec<NamedSecret>,
    /// A key set to fetch.
    pub jwks_url: Option<Url>,
    /// A key set in a file.
    pub jwks_file: Option<PathBuf>,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The cookie that holds the token.
    pub cookie: String,
    /// Whom to ask in the mode `forward`.
    pub forward_url: Option<Url>,
    /// Where its answer names the tenant: a JSON pointer.
    pub forward_tenant_pointer: Option<String>,
    /// Where it names the user.
    pub forward_user_pointer: String,
    /// Where it names the role; everybody is an agent, when there is none.
    pub forward_role_pointer: Option<String>,
    /// Whether the role `service` is believed.
    pub forward_allow_service: bool,
    /// How long its answers are remembered.
    pub forward_cache: Duration,
}

/// `auth.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Signed tokens.
    Jwt,
    /// An endpoint that knows its own callers is asked.
    Forward,
    /// Nobody is asked; on the loopback address only.
    None,
}

/// `twilio.*`
#[derive(Clone, Debug)]
pub struct TwilioConfig {
    /// Scheme, host and port of the API.
    pub api_base: Url,
    /// The accounts we may read.
    pub accounts: Vec<TwilioAccount>,
    /// Where redirects may lead besides the API's origin.
    pub redirects: Vec<Redirects>,
    /// Whether connections may go to addresses that are not public.
    pub allow_private: bool,
}

/// `media.*`
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// The container asked of the source.
    pub format: Container,
    /// The channels asked of the source: 1 or 2.
    pub channels: u8,
    /// The `Cache-Control` of recordings.
    pub cache_control: String,
    /// Whether HEAD starts a download, for a player that sends nothing else.
    pub head_prepares: bool,
    /// How long a signed URL is good.
    pub link_ttl: Duration,
}

/// `retention.*`
#[derive(Clone, Debug)]
pub struct RetentionConfig {
    /// The age at which recordings are removed.
    pub days: Option<u32>,
    /// The bytes in the volume beyond which the oldest are removed.
    pub max_bytes: Option<u64>,
    /// Whether the provider's copy goes too.
    pub delete_at_source: bool,
}

/// `limits.*`
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections; by the limit of open files, if none is set.
    pub connections: Option<u32>,
    /// Open connections from one address outside the own network.
    pub connections_per_address: u32,
    /// Open sockets of one user.
    pub sockets_per_user: u32,
    /// Open sockets of one address.
    pub sockets_per_address: u32,
    /// Recordings that one socket watches.
    pub sids_per_socket: u32,
    /// Bytes of one message from a client.
    pub message_bytes: u32,
    /// Held requests in the whole process.
    pub waiting_requests: u32,
    /// Requests that may need the catalog, answered at once.
    pub requests_at_once: u32,
    /// Requests of one user in a minute, but for landed recordings.
    pub requests_per_minute: u32,
    /// The same from one address.
    pub requests_per_minute_per_address: u32,
    /// Downloads that one user may ask for in a minute.
    pub prepares_per_minute: u32,
    /// The same from one address.
    pub prepares_per_minute_per_address: u32,
    /// Tokens and links nobody has signed, from one address in a minute.
    pub failed_logins_per_minute: u32,
    /// Downloads that wait, beyond which no play adds one.
    pub jobs_waiting: u32,
}

/// `worker.*`
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Downloads at once.
    pub concurrency: u32,
    /// Of one tenant at once, over all workers.
    pub per_tenant: u32,
    /// From a job's first try to its failure.
    pub give_up_after: Duration,
}

/// `log_format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The configuration of this process: a file, and above it the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, Faults> {
        let mut vars = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if name.starts_with(reader::PREFIX) {
                match value.into_string() {
                    Ok(value) => vars.push((name, value)),
                    Err(_) => return Err(single(&name, "is no UTF-8", "Set it to text")),
                }
            }
        }
        let path = file.unwrap_or(Path::new(FILE));
        let name = path.display().to_string();
        let text = match open(path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(single(&name, &format!("cannot be read: {error}"), "Check the path and its rights"));
            }
        };
        sections::read(&mut Reader::new(&name, &text, vars))
    }

    /// The configuration that a file of this text and these variables would make.
    pub fn from_parts(file: &str, vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, Faults> {
        sections::read(&mut Reader::new(FILE, file, vars))
    }

    /// What browsers and the provider call when the server listens at `bound`: scheme, host and port, without a
    /// slash at the end, as browsers write an origin.
    pub fn public_url(&self, bound: SocketAddr) -> String {
        let local = || base(reachable(bound));
        self.public_url.clone().unwrap_or_else(local)
    }

    /// How callers are told apart.
    pub fn auth_options(&self) -> AuthOptions {
        match self.auth.mode {
            AuthMode::Jwt => AuthOptions::Jwt(self.jwt_options()),
            // Both are there where the mode is this one: else the configuration was refused.
            AuthMode::Forward => match (&self.auth.forward_url, &self.auth.forward_tenant_pointer) {
                (Some(url), Some(tenant)) => AuthOptions::Forward(Box::new(self.forward_options(url, tenant))),
                _ => AuthOptions::Jwt(self.jwt_options()),
            },
            AuthMode::None => AuthOptions::None,
        }
    }

    /// Which tokens are good, in the mode that asks for them.
    pub fn jwt_options(&self) -> JwtOptions {
        JwtOptions {
            secret: self.auth.jwt_secret.clone(),
            secrets: self.auth.jwt_secrets.clone(),
            jwks_url: self.auth.jwks_url.clone(),
            jwks_file: self.auth.jwks_file.clone(),
            tenant_claim: self.auth.tenant_claim.clone(),
        }
    }

    fn forward_options(&self, url: &Url, tenant: &str) -> ForwardOptions {
        ForwardOptions {
            url: url.clone(),
            tenant: tenant.to_owned(),
            user: self.auth.forward_user_pointer.clone(),
            role: self.auth.forward_role_pointer.clone(),
            allow_service: self.auth.forward_allow_service,
            cache: self.auth.forward_cache,
            // Our own back ends alone: whoever else has a token has it from the endpoint.
            services: JwtOptions { jwks_url: None, jwks_file: None, ..self.jwt_options() },
            standing: Standing::default(),
        }
    }

    /// When recordings expire.
    pub fn retention_options(&self) -> RetentionOptions {
        let RetentionConfig { days, max_bytes, delete_at_source } = self.retention;
        RetentionOptions { days, max_bytes, delete_at_source }
    }

    /// How to ask Twilio.
    pub fn twilio_options(&self) -> TwilioOptions {
        let account = |account: &TwilioAccount| {
            let (user, password) = match &account.api_key {
                Some((key, secret)) => (key, secret),
                None => (&account.account_sid, &account.auth_token),
            };
            Account { sid: account.account_sid.clone(), user: user.clone(), password: password.reveal().to_owned() }
        };
        TwilioOptions {
            api_base: self.twilio.api_base.clone(),
            accounts: self.twilio.accounts.iter().map(account).collect(),
            redirects: self.twilio.redirects.clone(),
            allow_private: self.twilio.allow_private,
            format: self.media.format,
            channels: self.media.channels,
        }
    }
}

/// The address at which this machine reaches what listens at `bound`: a wildcard is no address to call.
pub fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

fn base(address: SocketAddr) -> String {
    match (address, address.port()) {
        (SocketAddr::V4(address), 80) => format!("http://{}", address.ip()),
        (SocketAddr::V6(address), 80) => format!("http://[{}]", address.ip()),
        _ => format!("http://{address}"),
    }
}

fn open(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn single(key: &str, what: &str, mend: &str) -> Faults {
    let wrong = Wrong { what: what.to_owned(), mend: mend.to_owned() };
    Faults(vec![Fault { key: key.to_owned(), variable: None, wrong }])
}
