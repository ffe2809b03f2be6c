//! Configurations: any file, any variables. Never a panic, and never a secret in what is said about a fault.

use super::bounded;
use crate::auth::Auth;
use crate::config::Config;

/// Stands in secrets only: seen in a fault, it has leaked.
const MARK: &str = "S3CRET";

/// A file, and behind a zero byte lines of variables.
pub fn config(data: &[u8]) {
    let Some(Ok(text)) = bounded(data, 8 * 1024).map(std::str::from_utf8) else { return };
    // Such a key has a file of the machine read, which may be one that never ends.
    if text.to_ascii_lowercase().contains("_file") {
        return;
    }
    let (file, vars) = text.split_once('\0').unwrap_or((text, ""));
    let vars = vars.lines().filter_map(|line| line.split_once('='));
    let vars: Vec<(String, String)> = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let is_secret = |(name, value): &(String, String)| name == "LANDFALL_AUTH__JWT_SECRET" && value.contains(MARK);
    let is_marked = text.matches(MARK).count() == 1 && vars.iter().any(is_secret);
    match Config::from_parts(file, vars) {
        Ok(config) => check(&config, is_marked),
        Err(faults) => {
            let told = faults.to_string();
            assert!(!told.trim().is_empty(), "a refusal says why");
            assert!(!is_marked || !told.contains(MARK), "a fault shows a secret: {told}");
        }
    }
}

/// What was accepted can be used, as the commands use it.
fn check(config: &Config, is_marked: bool) {
    assert!(!is_marked || !format!("{config:?}").contains(MARK), "a secret is printed");
    let url = config.public_url(config.listen);
    assert!(url::Url::parse(&url).is_ok_and(|url| url.has_host()), "{url} is no URL");
    assert!(!url.ends_with('/'), "{url} has a slash at its end");
    assert!(config.media.cache_control.parse::<axum::http::HeaderValue>().is_ok(), "no field value");
    assert!(tracing_subscriber::EnvFilter::builder().parse(&config.log).is_ok(), "no filter");
    assert!((1..=2).contains(&config.media.channels));
    assert!(Auth::new(config.auth_options()).is_ok(), "the keys cannot be used");
    let _ = (config.retention_options(), config.twilio_options());
}
