//! `landfall token`: a signed token, for trying things and for back ends.

use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory};

use super::{Cli, failed, say};
use crate::auth::{Grant, Role};
use crate::config::{Config, parse_duration};
use crate::recording::{Tenant, Timestamp};

/// A token that nobody remembers should not open doors for ever.
const MOST_TTL: Duration = Duration::from_secs(366 * 86_400);

/// Print a token signed with the configured secret
#[derive(Args)]
pub(super) struct Token {
    /// Whose recordings it opens; not needed for a service
    #[arg(long, value_parser = tenant)]
    tenant: Option<Tenant>,
    /// agent hears and downloads, admin also erases, service acts for every tenant
    #[arg(long, default_value = "agent", value_parser = |name: &str| name.parse::<Role>())]
    role: Role,
    /// How long it is good, like 30m or 8h
    #[arg(long, default_value = "1h", value_parser = ttl)]
    ttl: Duration,
    /// Who it is for: the name in limits and in the audit
    #[arg(long, default_value = "landfall-token")]
    user: String,
}

impl Token {
    pub(super) fn run(self, config: &Config) -> ExitCode {
        if self.tenant.is_none() && self.role < Role::Service {
            let why = format!("a token of an {} needs a tenant: add --tenant T", self.role.as_str());
            Cli::command().error(ErrorKind::MissingRequiredArgument, why).exit();
        }
        let expires = Timestamp::now().plus(self.ttl);
        let grant = Grant { user: &self.user, tenant: self.tenant.as_ref(), role: self.role, expires };
        match config.jwt_options().sign(&grant) {
            Ok(token) => {
                say(token);
                ExitCode::SUCCESS
            }
            Err(error) => failed(error),
        }
    }
}

fn tenant(name: &str) -> Result<Tenant, &'static str> {
    Tenant::new(name).ok_or("a tenant has 1 to 128 bytes")
}

fn ttl(text: &str) -> Result<Duration, &'static str> {
    let ttl = parse_duration(text).ok_or("a duration is a number with s, m, h or d, like 30m or 8h")?;
    let sensible = (Duration::from_secs(1)..=MOST_TTL).contains(&ttl);
    sensible.then_some(ttl).ok_or("a token is good for 1 second to 366 days")
}
