//! The binary; `landfall::cli` does the work.

/// Sockets come and go by the thousand: what they leave must go back to the system, and not lie in holes between those
/// that stay.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    landfall::cli::main()
}
