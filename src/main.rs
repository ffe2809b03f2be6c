//! The binary; `landfall::cli` does the work.

fn main() -> std::process::ExitCode {
    landfall::cli::main()
}
