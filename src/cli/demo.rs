//! `landfall demo`: server, worker, a simulated provider and calls that keep coming, in one process over `data/demo`.

mod calls;

use std::process::ExitCode;

use loadtest::twilio::{Account, Options, Simulator};

use super::serve::{options, raise_file_limit, runtime, until_told};
use super::{failed, logging, say};
use crate::auth::{Grant, Role};
use crate::config::Config;
use crate::recording::{Tenant, Timestamp};
use crate::serve::{ServeOptions, Server, StartError};
use crate::telemetry;

use calls::Calls;

/// Whose calls these are.
const TENANT: &str = "demo";
/// How long the printed token is good.
const TOKEN_TTL: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

pub(super) fn run() -> ExitCode {
    raise_file_limit();
    let demo = async {
        // The same account at each start: calls of an earlier one are still its.
        let sim = Options { accounts: vec![Account::example(1)], ..Options::default() };
        let simulator = Simulator::start(sim).await.map_err(|error| format!("the simulated provider: {error}"))?;
        let config = config(&simulator)?;
        logging::init(&config);
        let outcome = demo(&config, &simulator).await;
        simulator.shutdown().await;
        outcome
    };
    match runtime().map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(demo)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why),
    }
}

async fn demo(config: &Config, simulator: &Simulator) -> Result<(), String> {
    // Everything in this process, whatever the environment says of others.
    let server = start(ServeOptions { redis: None, call_log: None, ..options(config) }).await?;
    let admin = token(config, Role::Admin)?;
    say(format_args!(
        "\n  Landfall is running. Calls keep coming; open the console and press play:\n\n    {url}/#token={admin}\n\n  \
         Recordings lie in {volume}. Ctrl-C stops it; the next start goes on where this one ends.\n",
        url = server.url(),
        volume = config.volume.display(),
    ));
    let calls = Calls::new(server.url(), token(config, Role::Service)?, admin)?;
    let outcome = tokio::select! {
        told = until_told() => told.map_err(|error| error.to_string()),
        failed = calls.keep_coming(simulator) => Err(failed),
    };
    server.stop().await;
    outcome
}

/// Starts the server; on another port where the usual one is taken.
async fn start(options: ServeOptions) -> Result<Server, String> {
    let metrics = telemetry::install().map_err(|error| error.to_string())?;
    match Server::start(options.clone(), metrics.clone()).await {
        Err(StartError::Listen(mut listen, error)) if error.kind() == std::io::ErrorKind::AddrInUse => {
            say(format_args!("{listen} is in use; taking a free port instead."));
            listen.set_port(0);
            let mut options = ServeOptions { listen, ..options };
            (options.http.public_url, options.http.allowed_origins) = (None, None);
            Server::start(options, metrics).await
        }
        started => started,
    }
    .map_err(|error| error.to_string())
}

/// What `serve` would read from a file, made for this simulator. Variables count above it, as ever.
fn config(simulator: &Simulator) -> Result<Config, String> {
    let account = simulator.account();
    // Tokens need not outlive the process that prints them.
    let secret = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let file = format!(
        r#"volume = "./data/demo/recordings"
        database_url = "sqlite://./data/demo/landfall.db"
        shutdown_grace = "3s"
        log = "warn"
        [auth]
        jwt_secret = "{secret}"
        [twilio]
        api_base = "{base}"
        [[twilio.accounts]]
        account_sid = "{sid}"
        auth_token = "{token}"
        tenant = "{TENANT}""#,
        base = simulator.base_url(),
        sid = account.sid,
        token = account.auth_token,
    );
    let vars = std::env::vars().filter(|(name, _)| name.starts_with("LANDFALL_"));
    Config::from_parts(&file, vars).map_err(|faults| faults.to_string())
}

fn token(config: &Config, role: Role) -> Result<String, String> {
    let tenant = Tenant::new(TENANT);
    let expires = Timestamp::now().plus(TOKEN_TTL);
    let grant = Grant { user: "demo", tenant: tenant.as_ref(), role, expires };
    config.jwt_options().sign(&grant).map_err(|error| error.to_string())
}
