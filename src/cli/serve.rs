//! `landfall serve`: from configuration to a running server, until it is told to stop.

use std::io;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::{failed, logging};
use crate::config::{Config, TwilioAccount};
use crate::fetch::FetchOptions;
use crate::http::app::{CallbackAccount, HttpOptions};
use crate::http::limits::LimitOptions;
use crate::serve::{RecoverOptions, ServeOptions, Server};
use crate::telemetry;
use crate::work::WorkOptions;

/// Threads for what is no connection: the worker, the catalog's answers, signals.
const MOST_WORKERS: usize = 4;
/// Files that are no connection: 2048 on the shelf, a file and a connection for each download, the catalog.
const FILES_BESIDE: usize = 4096;

pub(super) fn run(config: Config) -> ExitCode {
    logging::init(&config);
    raise_file_limit();
    match runtime().map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(serve(&config))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why),
    }
}

async fn serve(config: &Config) -> Result<(), String> {
    let metrics = telemetry::install().map_err(|error| error.to_string())?;
    let server = Server::start(options(config), metrics).await.map_err(|error| error.to_string())?;
    until_told().await.map_err(|error| error.to_string())?;
    server.stop().await;
    Ok(())
}

/// The runtime of a server's own work; connections have theirs.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(cores().min(MOST_WORKERS)).enable_all().build()
}

/// Waits for SIGTERM or Ctrl-C.
pub(super) async fn until_told() -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The plain options of a server with this configuration.
pub(super) fn options(config: &Config) -> ServeOptions {
    // Behind port 0 nobody knows the address yet: the server makes its URL up when it does.
    let known = config.listen.port() != 0;
    let public_url = if known { Some(config.public_url(config.listen)) } else { config.public_url.clone() };
    let limits = &config.limits;
    let metrics_listen = config.metrics_listen.filter(|other| *other != config.listen);
    ServeOptions {
        listen: config.listen,
        metrics_listen,
        volume: config.volume.clone(),
        database: config.database_url.clone(),
        call_log: config.call_log.clone(),
        redis: config.redis_url.clone(),
        auth: config.auth_options(),
        http: HttpOptions {
            public_url,
            allowed_origins: config.allowed_origins.clone(),
            cookie: config.auth.cookie.clone(),
            cache_control: config.media.cache_control.clone(),
            link_ttl: config.media.link_ttl,
            head_prepares: config.media.head_prepares,
            accounts: config.twilio.accounts.iter().map(callbacks_of).collect(),
            limits: LimitOptions {
                connections: limits.connections.map_or_else(connections_by_files, |most| most as usize),
                connections_per_address: limits.connections_per_address as usize,
                sockets_per_user: limits.sockets_per_user as usize,
                sockets_per_address: limits.sockets_per_address as usize,
                sids_per_socket: limits.sids_per_socket as usize,
                message_bytes: limits.message_bytes as usize,
                waiting_requests: limits.waiting_requests as usize,
                requests_at_once: limits.requests_at_once as usize,
                requests_per_minute: limits.requests_per_minute,
                requests_per_minute_per_address: limits.requests_per_minute_per_address,
                prepares_per_minute: limits.prepares_per_minute,
                prepares_per_minute_per_address: limits.prepares_per_minute_per_address,
                failed_logins_per_minute: limits.failed_logins_per_minute,
                jobs_waiting: limits.jobs_waiting.into(),
            },
            metrics: metrics_listen.is_none(),
            shutdown_grace: config.shutdown_grace,
        },
        twilio: config.twilio_options(),
        fetch: fetch_options(config),
        retention: config.retention_options(),
        per_tenant: config.worker.per_tenant as usize,
        recover: RecoverOptions::default(),
        lanes: cores(),
    }
}

/// The plain options of a worker with this configuration; none without a Redis to take jobs from.
pub(super) fn work_options(config: &Config) -> Option<WorkOptions> {
    Some(WorkOptions {
        redis: config.redis_url.clone()?,
        metrics_listen: config.metrics_listen,
        volume: config.volume.clone(),
        database: config.database_url.clone(),
        twilio: config.twilio_options(),
        fetch: fetch_options(config),
        per_tenant: config.worker.per_tenant as usize,
        shutdown_grace: config.shutdown_grace,
    })
}

fn fetch_options(config: &Config) -> FetchOptions {
    let worker = &config.worker;
    FetchOptions { concurrency: worker.concurrency as usize, give_up_after: worker.give_up_after }
}

fn callbacks_of(account: &TwilioAccount) -> CallbackAccount {
    CallbackAccount {
        sid: account.account_sid.clone(),
        auth_token: account.auth_token.reveal().to_owned(),
        tenant: account.tenant.clone(),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// As many connections as the limit of open files leaves room for, beside recordings that lie open, the catalog and
/// downloads.
fn connections_by_files() -> usize {
    use rustix::process::{Resource, getrlimit};
    let files = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| files.try_into().unwrap_or(usize::MAX));
    files - FILES_BESIDE.min(files / 2)
}

/// Each socket is a file, and the usual soft limit of 1024 is there for programs that use `select`.
pub(super) fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
