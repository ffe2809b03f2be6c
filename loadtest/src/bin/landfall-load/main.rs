//! `landfall-load`: the load test as a program; the library does the work, so that tests run the same.

use std::process::ExitCode;

fn main() -> ExitCode {
    loadtest::load::main(std::env::args_os())
}
