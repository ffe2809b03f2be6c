//! Where the database is, as its URL says. Connects to nothing.

use std::fmt;
use std::path::PathBuf;

use tokio::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

/// To a first answer of the server. A query has to wait for both at the worst.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// A server that is gone without a word (its machine is, or the way to it) is noticed after that.
const GONE_AFTER: Duration = Duration::from_secs(10);

/// A database of PostgreSQL.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

/// Whom to believe to be the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Whoever answers: `sslmode` is `disable`, `prefer` or `require`.
    Anybody,
    /// Who has a certificate for its name, from one of these authorities, else from one that this machine trusts:
    /// `verify-full`.
    Certified(Option<PathBuf>),
}

/// Why a URL is none of a database. Holds nothing of it: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadUrl(&'static str);

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Shows where, and not the password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        write!(f, "PostgresOptions({:?} at {:?}, {:?})", config.get_dbname(), config.get_hosts(), self.trust)
    }
}

impl PostgresOptions {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`: a connection URI as libpq knows it.
    pub fn parse(url: &str) -> Result<Self, BadUrl> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut authorities) = (None, None);
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authorities = Some(PathBuf::from(value.into_owned())),
                _ => drop(rest.append_pair(&key, &value)),
            }
        }
        let (ssl, certified) = match mode.as_deref() {
            None | Some("prefer") => (SslMode::Prefer, false),
            Some("disable") => (SslMode::Disable, false),
            Some("require") => (SslMode::Require, false),
            Some("verify-full") => (SslMode::Require, true),
            Some(_) => return Err(BadUrl("has an sslmode other than disable, prefer, require and verify-full")),
        };
        if authorities.is_some() && !certified {
            return Err(BadUrl("has an sslrootcert, which only sslmode=verify-full looks at"));
        }
        let mut config: Config = format!("{place}?{}", rest.finish())
            .parse()
            .map_err(|_| BadUrl("has a part or a setting that PostgreSQL's URLs do not have"))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(BadUrl("names no host"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(BadUrl("names no database"));
        }
        config.ssl_mode(ssl).keepalives_idle(GONE_AFTER).tcp_user_timeout(GONE_AFTER);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WITHIN);
        }
        if config.get_application_name().is_none() {
            config.application_name("landfall");
        }
        Ok(Self { config, trust: if certified { Trust::Certified(authorities) } else { Trust::Anybody } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_whom_to_believe() {
        let plain = PostgresOptions::parse("postgres://u:p%40ss@db.example:6432/landfall").unwrap();
        assert_eq!((plain.config.get_password(), plain.config.get_ports()), (Some(&b"p@ss"[..]), &[6432][..]));
        assert_eq!((plain.config.get_ssl_mode(), &plain.trust), (SslMode::Prefer, &Trust::Anybody));
        let full = "postgresql://u@db/x?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=1";
        let full = PostgresOptions::parse(full).unwrap();
        assert_eq!(full.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(full.trust, Trust::Certified(Some("/etc/ca.pem".into())));
        assert_eq!(full.config.get_connect_timeout(), Some(&Duration::from_secs(1)));
        assert!(!format!("{plain:?}").contains("p@ss") && !format!("{plain:?}").contains("p%40ss"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (bad, why) in [
            ("postgres://u:hunter2@db/x?sslmode=verify-ca", "sslmode"),
            ("postgres://u:hunter2@db/x?sslrootcert=/x", "sslrootcert"),
            ("postgres://u:hunter2@db/x?nonsense=1", "a setting"),
            ("postgres://u:hunter2@db:port/x", "a part"),
            ("postgres://u:hunter2@db", "no database"),
            ("postgres:///x", "no host"),
        ] {
            let error = PostgresOptions::parse(bad).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("hunter2"), "{bad}: {error}");
        }
    }
}
