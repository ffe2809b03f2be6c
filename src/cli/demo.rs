//! `landfall demo`: everything in one process. Needs no configuration.

use std::process::ExitCode;

use super::failed;

pub(super) fn run() -> ExitCode {
    failed("this build has no demo")
}
