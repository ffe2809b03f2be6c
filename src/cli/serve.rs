//! `landfall serve`: from configuration to a running server.

use std::process::ExitCode;

use super::{failed, logging};
use crate::config::Config;

pub(super) fn run(config: Config) -> ExitCode {
    logging::init(&config);
    failed("this build has no server")
}
